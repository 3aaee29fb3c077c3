#include "daemon/routes/containers.h"

#include <array>
#include <nlohmann/json.hpp>

#include "daemon/api/filters.h"
#include "daemon/api/query_time.h"
#include "daemon/container_filters.h"
#include "daemon/container_view.h"
#include "daemon/disk_usage.h"
#include "runtime/sys/error.h"

namespace ctr::daemon {

namespace {

using nlohmann::json;

// What routes of this file share: a handler needs nothing else.
class ContainerRoutes {
 public:
  ContainerRoutes(Containers& containers, ExecSessions& execs)
      : containers_(containers), execs_(execs) {}

  void create(Exchange& exchange) {
    Containers::Created created =
        containers_.create(exchange.body_json(), exchange.query("name").value_or(""),
                           exchange.query("platform").value_or(""));
    exchange.respond_json(201, {{"Id", created.id}, {"Warnings", created.warnings}});
  }

  void list(Exchange& exchange) {
    ContainerFilter filter(Filters::parse(exchange.query("filters").value_or("")), filter_facts());
    int64_t limit = exchange.query_int("limit").value_or(-1);
    // A limit counts ended containers, too.
    bool all = exchange.query_bool("all") || limit > 0 || filter.implies_all();
    bool with_size = exchange.query_bool("size");
    json result = json::array();
    for (const ContainerSnapshot& container : containers_.list()) {
      if (limit > 0 && result.size() >= static_cast<size_t>(limit)) break;
      if (!all && !container.live.state.running()) continue;
      if (filter.matches(container)) 
        result.push_back(summary(container, with_size, exchange.version()));
    }
    exchange.respond_json(200, result);
  }

  void inspect(Exchange& exchange) {
    ContainerSnapshot container = containers_.snapshot(exchange.parameter("id"));
    const std::string& id = container.record.id;
    InspectInput input{.container = container,
                       .endpoints = containers_.networks().endpoints_of(id),
                       .network_ids = network_ids(container),
                       .exec_ids = execs_.ids_of(id),
                       .snapshot = containers_.launcher().snapshot(container.record),
                       .directory = containers_.launcher().directory(id),
                       .exec_directory = containers_.launcher().exec_directory(id),
                       .log_path = containers_.launcher().log_path(id),
                       .apparmor_profile =
                           parse_security_options(container.record.host,
                                                  containers_.launcher().options().facts)
                               .apparmor_profile,
                       .image_digest = "",
                       .api_minor = exchange.version().minor,
                       .with_size = exchange.query_bool("size")};
    if (!container.live.state.alive()) input.endpoints.clear();
    if (exchange.version() >= ApiVersion{1, 48})
      if (auto image =
              containers_.images().find_by_id(image::Digest::parse(container.record.image_id)))
        input.image_digest = image->manifest.empty() ? "" : image->manifest.text();
    if (input.with_size) measure(container.record, input.size_rw, input.size_root);
    exchange.respond_json(200, inspect_json(input));
  }

  void remove(Exchange& exchange) {
    if (exchange.query_bool("link"))
      throw sys::Error(sys::ErrorKind::invalid_argument, "removing links is not supported");
    containers_.remove(exchange.parameter("id"), exchange.query_bool("force"),
                       exchange.query_bool("v"));
    exchange.respond_empty(204);
  }

  void prune(Exchange& exchange) {
    Filters filters = Filters::parse(exchange.query("filters").value_or(""));
    filters.expect_only({"until", "label", "label!"});
    std::optional<sys::Timestamp> until;
    for (const std::string& value : filters.values("until"))
      until = parse_until_filter(value, sys::now());
    Containers::Pruned pruned = containers_.prune([&](const ContainerSnapshot& container) {
      const auto& labels = container.record.config.labels;
      if (until && container.record.created >= *until) return false;
      if (filters.has("label!") && filters.matches_labels("label!", labels)) return false;
      return filters.matches_labels("label", labels);
    });
    exchange.respond_json(
        200, {{"ContainersDeleted", pruned.ids.empty() ? json(nullptr) : json(pruned.ids)},
              {"SpaceReclaimed", pruned.bytes}});
  }

  void update(Exchange& exchange) {
    std::vector<std::string> warnings =
        containers_.update(exchange.parameter("id"), exchange.body_json());
    exchange.respond_json(200, {{"Warnings", warnings}});
  }

 private:
  FilterFacts filter_facts() {
    return {.get_container =
                [this](const std::string& name) { return containers_.snapshot(name).record; },
            .find_image = [this](const std::string& name) -> std::optional<std::string> {
              auto image = containers_.images().find(name);
              return image ? std::optional(image->id.text()) : std::nullopt;
            },
            .networks_of =
                [this](const ContainerRecord& record) {
                  std::vector<std::string> names;
                  for (const EndpointSettings& endpoint :
                       containers_.networks().endpoints_of(record.id)) {
                    names.push_back(endpoint.network_id);
                    names.push_back(endpoint.network_name);
                  }
                  for (const AttachRequest& request : plan_attachments(record))
                    names.push_back(request.network);
                  return names;
                },
            .published_by =
                [this](const ContainerRecord& record) {
                  std::vector<std::string> ports;
                  for (const EndpointSettings& endpoint :
                       containers_.networks().endpoints_of(record.id))
                    for (const PublishedPort& port : endpoint.ports)
                      ports.push_back(fmt::format("{}/{}", port.host_port, port.protocol));
                  return ports;
                }};
  }

  std::map<std::string, std::string> network_ids(const ContainerSnapshot& container) {
    std::map<std::string, std::string> ids;
    if (container.live.state.status != Status::exited) return ids;
    for (const AttachRequest& request : plan_attachments(container.record))
      if (auto network = containers_.networks().find(request.network))
        ids[request.network] = network->id;
    return ids;
  }

  void measure(const ContainerRecord& record, uint64_t& size_rw, uint64_t& size_root) {
    size_rw = tree_size(containers_.launcher().snapshot(record).upper);
    auto image = containers_.images().find_by_id(image::Digest::parse(record.image_id));
    size_root = size_rw + (image ? image->size : 0);
  }

  json summary(const ContainerSnapshot& container, bool with_size, ApiVersion version) {
    ListInput input{.container = container,
                    .endpoints = {},
                    .network_ids = network_ids(container),
                    .image_name = image_name(container.record),
                    .api_minor = version.minor,
                    .with_size = with_size,
                    .now = sys::now()};
    if (container.live.state.alive())
      input.endpoints = containers_.networks().endpoints_of(container.record.id);
    if (with_size) measure(container.record, input.size_rw, input.size_root);
    return list_json(input);
  }

  // What the user typed, unless that names another image by now.
  std::string image_name(const ContainerRecord& record) {
    auto image = containers_.images().find(record.config.image);
    return image && image->id.text() == record.image_id ? record.config.image : record.image_id;
  }

  Containers& containers_;
  ExecSessions& execs_;
};

std::optional<int64_t> stop_timeout(const Exchange& exchange) {
  return exchange.query_int("t");
}

std::string text(const Exchange& exchange, const char* name) {
  return exchange.query(name).value_or("");
}

// Clients of old gave a container its host configuration at its start: without it, it would run in a
// way that nobody asked for. "{}" and "null" are no configuration.
void expect_no_host_config(Exchange& exchange) {
  std::array<char, 8> body{};
  size_t size = 0;
  while (size < body.size()) {
    const size_t count = exchange.read_body(body.data() + size, body.size() - size);
    if (count == 0) break;
    size += count;
  }
  if (size == body.size())
    throw sys::Error(sys::ErrorKind::invalid_argument,
                     "starting container with non-empty request body was deprecated since API v1.22 "
                     "and removed in v1.24");
}

// Actions that answer 204 and nothing else.
void add_life_cycle(Router& router, Containers& containers) {
  auto add = [&](const char* verb, std::function<void(Exchange&, const std::string&)> action) {
    router.add("POST", std::string("/containers/{id}/") + verb,
               [action = std::move(action)](Exchange& exchange) {
                 action(exchange, exchange.parameter("id"));
                 exchange.respond_empty(204);
               });
  };
  add("start", [&](Exchange& exchange, const std::string& id) {
    expect_no_host_config(exchange);
    containers.start(id);
  });
  add("stop", [&](Exchange& exchange, const std::string& id) {
    containers.stop(id, stop_timeout(exchange), text(exchange, "signal"));
  });
  add("restart", [&](Exchange& exchange, const std::string& id) {
    containers.restart(id, stop_timeout(exchange), text(exchange, "signal"));
  });
  add("kill", [&](Exchange& exchange, const std::string& id) {
    containers.kill(id, text(exchange, "signal"));
  });
  add("pause", [&](Exchange&, const std::string& id) { containers.pause(id); });
  add("unpause", [&](Exchange&, const std::string& id) { containers.unpause(id); });
  add("rename", [&](Exchange& exchange, const std::string& id) {
    containers.rename(id, text(exchange, "name"));
  });
}

}  // namespace

void add_container_routes(Router& router, Containers& containers, ExecSessions& execs) {
  auto routes = std::make_shared<ContainerRoutes>(containers, execs);
  auto add = [&](const char* method, const char* pattern,
                 void (ContainerRoutes::*handler)(Exchange&)) {
    router.add(method, pattern,
               [routes, handler](Exchange& exchange) { ((*routes).*handler)(exchange); });
  };
  add("POST", "/containers/create", &ContainerRoutes::create);
  add("POST", "/containers/prune", &ContainerRoutes::prune);
  add("GET", "/containers/json", &ContainerRoutes::list);
  add("GET", "/containers/{id}/json", &ContainerRoutes::inspect);
  add("POST", "/containers/{id}/update", &ContainerRoutes::update);
  add("DELETE", "/containers/{id}", &ContainerRoutes::remove);
  add_life_cycle(router, containers);
}

}  // namespace ctr::daemon
