// The monitors that run on this machine for one exec root, found in /proc: what a new daemon needs
// to tell a start that is under way from one that died. Runs in: ctrd, at its start.
#pragma once

#include <map>
#include <string>

#include "runtime/sys/process.h"

namespace ctr::daemon {

// By container id. `containers_directory` is <exec-root>/containers.
std::map<std::string, sys::Process> find_monitor_processes(const std::string& containers_directory);

}  // namespace ctr::daemon
