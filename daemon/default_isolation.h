// What every container gets unless it asks for something else: Docker's default isolation, with the
// stronger settings that break nothing. Tables and pure functions. Runs in: ctrd.
#pragma once

#include <string>
#include <vector>

#include "daemon/spec_builder.h"
#include "runtime/spec.h"

namespace ctr::daemon {

// More than any service needs, less than a fork bomb takes to hurt (podman's figure).
inline constexpr int64_t default_pids_limit = 2048;
inline constexpr int64_t default_shm_size = 64 << 20;

std::vector<runtime::Mount> default_mounts(const HostConfig& host_config);
std::vector<std::string> default_masked_paths(unsigned possible_cpus);
std::vector<std::string> default_readonly_paths();
std::vector<runtime::Device> default_devices();

}  // namespace ctr::daemon
