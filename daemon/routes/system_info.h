// The answer of GET /info. Internal to routes/system.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "daemon/routes/system.h"

namespace ctr::daemon {

nlohmann::json info_json(const SystemSources& sources, const Machine& machine, ApiVersion version);

}  // namespace ctr::daemon
