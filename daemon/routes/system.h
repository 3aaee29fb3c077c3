// /_ping, /version, /info, /system/df, /auth, and the answers for what this engine does not have:
// swarm and plugins.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include <functional>
#include <string>

#include "daemon/config.h"
#include "daemon/events.h"
#include "daemon/machine.h"

#include "daemon/server/exchange.h"
#include "image/registry_config.h"

namespace ctr::daemon {

struct ContainerCounts {
  int64_t running = 0;
  int64_t paused = 0;
  int64_t stopped = 0;
};

// Where the answers come from. What is left empty counts as nothing.
struct SystemSources {
  const Config& config;
  const Events& events;
  std::string engine_id;
  std::function<ContainerCounts()> count_containers{};
  std::function<int64_t()> count_images{};
  // The members of GET /system/df: lists of image, container and volume objects with their sizes.
  std::function<nlohmann::json()> list_image_usage{};
  std::function<nlohmann::json()> list_container_usage{};
  std::function<nlohmann::json()> list_volume_usage{};
  std::function<int64_t()> layers_size{};
  // Throws Error{unauthorized} if the registry refuses the credentials.
  std::function<void(const std::string& server, const image::Credentials& who)> check_credentials{};
};

void add_system_routes(Router& router, SystemSources sources);

// On every answer of the server.
std::vector<std::pair<std::string, std::string>> common_headers();

}  // namespace ctr::daemon
