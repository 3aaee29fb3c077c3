// /networks: list, inspect, create, remove, prune, and connecting containers that exist.
#pragma once

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
  // Left empty: the client is told that this is not possible yet (501).
  std::function<void(const std::string& container, const AttachRequest& request)> connect{};
  std::function<void(const std::string& container, const std::string& network_id, bool force)>
      disconnect{};
};

void add_network_routes(Router& router, NetworkRouteSources sources);

}  // namespace ctr::daemon
