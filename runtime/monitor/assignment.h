// What makes a monitor one container's: a daemon keeps a monitor in reserve, so that no start waits
// for a program to be loaded, and tells it whose it is when it is needed (monitor_protocol.h).
// runs in: ctr-monitor.
#pragma once

#include <optional>
#include <string>

#include "runtime/monitor_protocol.h"
#include "runtime/spec.h"
#include "runtime/sys/socket.h"

namespace ctr::runtime {

struct Assignment {
  std::string program;    // the monitor's path, its name in ps(1) from now on
  std::string directory;  // <exec-root>/containers/<id>
  MonitorConfig config;
  ContainerSpec spec;
  std::string spec_text;  // as it came, for config.json
};

// Blocks until the daemon says whose monitor we are; nullopt if it ended without. Throws
// Error{invalid_argument} for anything else that it says.
std::optional<Assignment> receive_assignment(int connection, sys::MessageReader& reader);

// Overwrites the command line that ps(1) and a daemon that looks for its monitors see. What does not
// fit in the place of the old one is left as it was.
void set_command_line(int count, char** arguments, const std::string& program,
                      const std::string& argument);

}  // namespace ctr::runtime
