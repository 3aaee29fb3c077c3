// What a request for a container must fulfil before anything is made: Docker's rules with Docker's
// words. Pure; runs in: ctrd.
#pragma once

#include <string>
#include <vector>

#include "daemon/container_config.h"

namespace ctr::daemon {

// What the checks need to know of the machine.
struct MachineLimits {
  int cpus = 1;              // how many there are
  std::string online_cpus;   // "0-3"
  std::string online_nodes;  // "0"
  bool swap_limit = true;    // the kernel can limit swap
  bool oom_kill_disable = false;  // and let a container without memory wait
};
MachineLimits read_machine_limits(bool swap_limit, bool oom_kill_disable);

// Each throws Error{invalid_argument}. Warnings are what the response of a creation carries.
void check_config(const ContainerConfig& config);
void check_host_config(const ContainerConfig& config, const HostConfig& host);
// On top of check_resources() (spec_builder.h) what the machine has to do with.
std::vector<std::string> check_limits(ResourceRequest& resources, const MachineLimits& machine);
void check_restart_policy(const RestartPolicy& policy, bool auto_remove);
// What a container with a user namespace cannot have; `by_default` as of UserRanges.
void check_user_namespace(const HostConfig& host, bool by_default);

}  // namespace ctr::daemon
