// The mounts of a container in the order in which they are made. Pure. Runs in: ctrd.
#pragma once

#include <vector>

#include "daemon/spec_builder.h"

namespace ctr::daemon {

// Docker's defaults, then the three files of the engine, then the user's, parents before children.
// A default that the user mounts over is dropped.
std::vector<runtime::Mount> plan_mounts(const HostConfig& host_config, const Placement& placement,
                                        const HostFacts& facts);

// "rw,size=64m,uid=1000" of --tmpfs; Error{invalid_argument} for options that a tmpfs has not.
std::vector<std::string> plan_tmpfs_options(const std::string& options);

}  // namespace ctr::daemon
