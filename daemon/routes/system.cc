#include "daemon/routes/system.h"

#include <memory>
#include <nlohmann/json.hpp>

#include "daemon/api/json.h"
#include "daemon/routes/system_info.h"
#include "daemon/version.h"
#include "runtime/sys/error.h"

namespace ctr::daemon {

using nlohmann::json;
using sys::Error;
using sys::ErrorKind;

namespace {

std::string api_text(ApiVersion version) {
  return fmt::format("{}.{}", version.major, version.minor);
}

void ping(Exchange& exchange) {
  exchange.add_header("Builder-Version", "1");
  exchange.add_header("Swarm", "inactive");
  exchange.add_header("Cache-Control", "no-cache, no-store, must-revalidate");
  exchange.add_header("Pragma", "no-cache");
  bool head = exchange.method() == "HEAD";
  exchange.respond(200, "text/plain; charset=utf-8", head ? "" : "OK");
}

json version_json(const Machine& machine) {
  const json details{{"ApiVersion", api_text(max_api_version)},
                     {"MinAPIVersion", api_text(min_api_version)},
                     {"Os", "linux"},
                     {"Arch", machine.architecture},
                     {"KernelVersion", machine.kernel_version},
                     {"GitCommit", ""},
                     {"GoVersion", ""},
                     {"BuildTime", ""},
                     {"Experimental", "false"}};
  json version = details;
  version.erase("Experimental");
  version["Version"] = docker_version;
  version["Platform"] = {{"Name", fmt::format("ctr {}", engine_version)}};
  version["Components"] =
      json::array({{{"Name", "Engine"}, {"Version", docker_version}, {"Details", details}},
                   {{"Name", "ctrd"}, {"Version", engine_version}, {"Details", json::object()}}});
  return version;
}

json usage_of(const std::function<json()>& list) {
  return list ? list() : json::array();
}

void disk_usage(Exchange& exchange, const SystemSources& sources) {
  std::vector<std::string> types = exchange.query_all("type");
  auto wanted = [&](std::string_view type) {
    return types.empty() || std::find(types.begin(), types.end(), type) != types.end();
  };
  for (const std::string& type : types)
    if (type != "container" && type != "image" && type != "volume" && type != "build-cache")
      throw Error(ErrorKind::invalid_argument, fmt::format("unknown object type: {}", type));
  json usage{{"BuilderSize", 0}};
  if (wanted("image")) {
    usage["LayersSize"] = sources.layers_size ? sources.layers_size() : 0;
    usage["Images"] = usage_of(sources.list_image_usage);
  }
  if (wanted("container")) usage["Containers"] = usage_of(sources.list_container_usage);
  if (wanted("volume")) usage["Volumes"] = usage_of(sources.list_volume_usage);
  if (wanted("build-cache")) usage["BuildCache"] = json::array();
  exchange.respond_json(200, usage);
}

void authenticate(Exchange& exchange, const SystemSources& sources) {
  json body = exchange.body_json();
  JsonObject request(body);
  if (!sources.check_credentials)
    throw Error(ErrorKind::unsupported, "this daemon does not check registry credentials");
  const image::Credentials who{.username = request.string("username"),
                               .password = request.string("password"),
                               .identity_token = request.string("identitytoken"),
                               .registry_token = request.string("registrytoken")};
  if (who.empty()) throw Error(ErrorKind::invalid_argument, "no credentials given");
  std::string server = request.string("serveraddress");
  sources.check_credentials(server.empty() ? "docker.io" : server, who);
  exchange.respond_json(200, {{"Status", "Login Succeeded"}, {"IdentityToken", ""}});
}

[[noreturn]] void no_build(Exchange&) {
  throw Error(ErrorKind::unsupported,
              "building images is not supported yet: build elsewhere and load the result "
              "('docker save IMAGE | ctr load'), or push and pull it");
}

// Nothing is cached where nothing is built: 'docker system prune' asks all the same.
void prune_build_cache(Exchange& exchange) {
  exchange.respond_json(200, {{"CachesDeleted", nullptr}, {"SpaceReclaimed", 0}});
}

void add_build_routes(Router& router) {
  router.add("POST", "/build", no_build);
  router.add("POST", "/build/cancel", no_build);
  router.add("POST", "/session", no_build);
  router.add("POST", "/grpc", no_build);
  router.add("POST", "/build/prune", prune_build_cache);
}

void no_swarm(Exchange&) {
  throw Error(
      ErrorKind::unavailable,
      "This node is not a swarm manager. Use \"docker swarm init\" or \"docker swarm join\" "
      "to connect this node to swarm and try again.");
}

void add_swarm_routes(Router& router) {
  for (const char* objects : {"nodes", "services", "tasks", "secrets", "configs"}) {
    const std::string path = fmt::format("/{}", objects);
    router.add("GET", path, no_swarm);
    router.add("GET", path + "/{id}", no_swarm);
    router.add("DELETE", path + "/{id}", no_swarm);
    router.add("POST", path + "/create", no_swarm);
    router.add("POST", path + "/{id}/update", no_swarm);
    router.add("GET", path + "/{id}/logs", no_swarm);
  }
  router.add("GET", "/swarm", no_swarm);
  router.add("GET", "/swarm/unlockkey", no_swarm);
  for (const char* verb : {"update", "unlock"})
    router.add("POST", fmt::format("/swarm/{}", verb), no_swarm);
  router.add("POST", "/swarm/leave", [](Exchange&) {
    throw Error(ErrorKind::unavailable, "This node is not part of a swarm");
  });
  for (const char* verb : {"init", "join"})
    router.add("POST", fmt::format("/swarm/{}", verb), [](Exchange&) {
      throw Error(ErrorKind::unsupported, "swarm mode is not supported by this engine");
    });
}

void add_plugin_routes(Router& router) {
  router.add("GET", "/plugins",
             [](Exchange& exchange) { exchange.respond_json(200, json::array()); });
  router.add("GET", "/plugins/{name:*}/json", [](Exchange& exchange) {
    throw Error(ErrorKind::not_found,
                fmt::format("plugin \"{}\" not found", exchange.parameter("name")));
  });
  router.add("POST", "/plugins/pull", [](Exchange&) {
    throw Error(ErrorKind::unsupported, "plugins are not supported by this engine");
  });
}

}  // namespace

std::vector<std::pair<std::string, std::string>> common_headers() {
  return {{"Server", fmt::format("Docker/{} (linux)", docker_version)},
          {"Api-Version", api_text(max_api_version)},
          {"Ostype", "linux"},
          {"Docker-Experimental", "false"}};
}

void add_system_routes(Router& router, SystemSources sources) {
  auto shared = std::make_shared<const SystemSources>(std::move(sources));
  router.add("GET", "/_ping", ping);
  router.add("HEAD", "/_ping", ping);
  router.add("OPTIONS", "*", [](Exchange& exchange) { exchange.respond_empty(200); });
  router.add("GET", "/version",
             [](Exchange& exchange) { exchange.respond_json(200, version_json(read_machine())); });
  router.add("GET", "/info", [shared](Exchange& exchange) {
    exchange.respond_json(200, info_json(*shared, read_machine(), exchange.version()));
  });
  router.add("GET", "/system/df", [shared](Exchange& exchange) { disk_usage(exchange, *shared); });
  router.add("POST", "/auth", [shared](Exchange& exchange) { authenticate(exchange, *shared); });
  add_build_routes(router);
  add_swarm_routes(router);
  add_plugin_routes(router);
}

}  // namespace ctr::daemon
