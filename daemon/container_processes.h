// What runs in a container, for `docker top`: read from /proc, no program is started for the
// default form. Runs in: ctrd.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include <string>
#include <vector>

#include "runtime/cgroup/cgroup.h"

namespace ctr::daemon {

struct ProcessTable {
  std::vector<std::string> titles;
  std::vector<std::vector<std::string>> rows;
};

// `ps_arguments`: "" or "-ef" are answered from /proc; for others the host's ps(1) is run and its
// lines are kept whose PID is in the container. Throws Error{invalid_argument} if they print no
// PID.
ProcessTable list_processes(const std::vector<pid_t>& pids, const std::string& ps_arguments);

// The table that ps(1) printed, reduced to `pids`. Pure.
ProcessTable parse_ps_output(const std::string& text, const std::vector<pid_t>& pids);

}  // namespace ctr::daemon
