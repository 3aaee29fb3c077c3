// The monitors that run on this machine for one exec root, found in /proc: what a new daemon needs
// to tell a start that is under way from one that died. Runs in: ctrd, at its start.
#pragma once

#include <map>
#include <string>

#include "runtime/sys/process.h"

namespace ctr::daemon {

// What the spare monitor of an exec root has as its argument, as long as a container's would be.
std::string spare_monitor_argument(const std::string& containers_directory);

// By container id. `containers_directory` is <exec-root>/containers. Waits for a spare monitor of the
// last daemon's: it ends, or was just told whose it is and is about to show it.
std::map<std::string, sys::Process> find_monitor_processes(const std::string& containers_directory);

}  // namespace ctr::daemon
