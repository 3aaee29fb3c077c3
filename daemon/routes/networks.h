// /networks: list, inspect, create, remove, prune, and connecting containers that exist.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include <functional>
#include <optional>
#include <string>

#include "daemon/networks/networks.h"
#include "daemon/server/exchange.h"

namespace ctr::daemon {

// What the routes need to know of containers, which keep themselves elsewhere.
struct NetworkRouteSources {
  Networks& networks;
  // The name (without slash) of a container by its full id; nullopt if it is gone.
  std::function<std::optional<std::string>(const std::string& id)> container_name{};
  // Connects a container (by name, id or prefix), running or not, to a network, or disconnects it.
  // `endpoint` is the request's EndpointConfig as it came.
  std::function<void(const std::string& container, const Network& network,
                     const nlohmann::json& endpoint)>
      connect{};
  std::function<void(const std::string& container, const Network& network, bool force)>
      disconnect{};
};

void add_network_routes(Router& router, NetworkRouteSources sources);

}  // namespace ctr::daemon
