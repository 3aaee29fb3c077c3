#include "daemon/routes/volumes.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "daemon/api/filters.h"
#include "daemon/api/json.h"
#include "daemon/disk_usage.h"
#include "runtime/sys/error.h"

namespace ctr::daemon {

namespace {

using nlohmann::json;

// From this version on, prune takes anonymous volumes alone unless all are asked for.
constexpr ApiVersion careful_prune{1, 42};

json volume_json(const Volume& volume) {
  const auto or_null = [](const std::map<std::string, std::string>& values) {
    return values.empty() ? json(nullptr) : json(values);
  };
  std::string created = sys::format_timestamp(volume.created);
  return {{"CreatedAt", created.substr(0, created.find_first_of(".Z")) + "Z"},
          {"Driver", "local"},
          {"Labels", or_null(volume.labels)},
          {"Mountpoint", volume.mountpoint},
          {"Name", volume.name},
          {"Options", or_null(volume.options)},
          {"Scope", "local"}};
}

Filters filters_of(const Exchange& exchange) {
  return Filters::parse(exchange.query("filters").value_or(""));
}

void list(Exchange& exchange, Containers& containers) {
  Filters filters = filters_of(exchange);
  filters.expect_only({"dangling", "driver", "label", "name"});
  std::optional<bool> dangling = filters.find_bool("dangling");
  json volumes = json::array();
  for (const Volume& volume : containers.volumes().list()) {
    if (!filters.matches_pattern("name", volume.name) ||
        !filters.matches_exactly("driver", "local") ||
        !filters.matches_labels("label", volume.labels))
      continue;
    if (dangling && containers.users_of_volume(volume.name).empty() != *dangling) continue;
    volumes.push_back(volume_json(volume));
  }
  exchange.respond_json(200, {{"Volumes", volumes}, {"Warnings", nullptr}});
}

void create(Exchange& exchange, Containers& containers) {
  json body = exchange.body_json();
  JsonObject request(body);
  std::string driver = request.string("Driver");
  if (!driver.empty() && driver != "local")
    throw sys::Error(sys::ErrorKind::not_found,
                     fmt::format("create {1}: error looking up volume plugin {0}: plugin \"{0}\" "
                                 "not found",
                                 driver, request.string("Name")));
  Volumes::Ensured made =
      containers.volumes().ensure({.name = request.string("Name"),
                                   .mountpoint = {},
                                   .labels = request.string_map("Labels"),
                                   .options = request.string_map("DriverOpts")});
  exchange.respond_json(201, volume_json(made.volume));
}

void inspect(Exchange& exchange, Containers& containers) {
  exchange.respond_json(200, volume_json(containers.volumes().get(exchange.parameter("name"))));
}

void remove(Exchange& exchange, Containers& containers) {
  const std::string name = exchange.parameter("name");
  if (exchange.query_bool("force") && !containers.volumes().find(name))
    return exchange.respond_empty(204);
  containers.remove_volume(name);
  exchange.respond_empty(204);
}

bool is_to_be_pruned(const Volume& volume, const Filters& filters, bool all) {
  if (!all && !volume.anonymous()) return false;
  if (filters.has("label!") && filters.matches_labels("label!", volume.labels)) return false;
  return filters.matches_labels("label", volume.labels);
}

void prune(Exchange& exchange, Containers& containers) {
  Filters filters = filters_of(exchange);
  filters.expect_only({"all", "label", "label!"});
  bool all = filters.find_bool("all").value_or(exchange.version() < careful_prune);
  json deleted = json::array();
  uint64_t bytes = 0;
  for (const Volume& volume : containers.volumes().list()) {
    if (!is_to_be_pruned(volume, filters, all)) continue;
    if (!containers.users_of_volume(volume.name).empty()) continue;
    uint64_t size = tree_size(volume.mountpoint);
    try {
      containers.remove_volume(volume.name);
    } catch (const sys::Error& error) {
      // Used or removed meanwhile: then it is not to be pruned.
      if (error.kind() != sys::ErrorKind::conflict && error.kind() != sys::ErrorKind::not_found)
        throw;
      continue;
    }
    deleted.push_back(volume.name);
    bytes += size;
  }
  exchange.respond_json(200, {{"VolumesDeleted", deleted},
                              {"SpaceReclaimed", bytes}});
}

}  // namespace

void add_volume_routes(Router& router, Containers& containers) {
  const auto add = [&](const char* method, const char* pattern,
                       void (*handler)(Exchange&, Containers&)) {
    router.add(method, pattern,
               [&containers, handler](Exchange& exchange) { handler(exchange, containers); });
  };
  add("GET", "/volumes", list);
  add("POST", "/volumes/create", create);
  add("POST", "/volumes/prune", prune);
  add("GET", "/volumes/{name}", inspect);
  add("DELETE", "/volumes/{name}", remove);
}

json volume_usage_json(Containers& containers) {
  json usage = json::array();
  for (const Volume& volume : containers.volumes().list()) {
    json entry = volume_json(volume);
    entry["UsageData"] = {{"Size", tree_size(volume.mountpoint)},
                          {"RefCount", containers.users_of_volume(volume.name).size()}};
    usage.push_back(std::move(entry));
  }
  return usage;
}

}  // namespace ctr::daemon
