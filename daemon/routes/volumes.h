// /volumes…. One function for each resource's file.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "daemon/containers.h"
#include "daemon/server/exchange.h"

namespace ctr::daemon {

void add_volume_routes(Router& router, Containers& containers);
// For GET /system/df: all volumes with their sizes and how many containers use them.
nlohmann::json volume_usage_json(Containers& containers);

}  // namespace ctr::daemon
