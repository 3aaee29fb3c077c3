// The processes that a container's procfs shows.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace attacker {

std::vector<pid_t> list_processes();
std::string read_text(const std::string& path);  // empty if it cannot be read
// "CapEff" of the text of /proc/PID/status → "00000000a80425fb"; empty if it is not there.
std::string status_field(const std::string& status, const std::string& name);
std::string own_program();  // "device:inode" of /proc/self/exe
std::string identity_of(const std::string& path);  // the same of any path, links followed; empty: not allowed

}  // namespace attacker
