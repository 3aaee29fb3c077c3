// What this machine is, as GET /info and /version tell it. Runs in: ctrd.
#pragma once

#include <cstdint>
#include <string>

namespace ctr::daemon {

struct Machine {
  std::string name;              // of the host
  std::string kernel_version;    // "6.1.0-13-amd64"
  std::string operating_system;  // "Debian GNU/Linux 12 (bookworm)"
  std::string os_version;        // "12"
  std::string machine;           // "x86_64": what the kernel calls it
  std::string architecture;      // "amd64": what Go and OCI call it
  int64_t processors = 1;
  int64_t memory = 0;  // bytes
  bool forwards_ipv4 = false;
  bool filters_bridges_ipv4 = false;  // net.bridge.bridge-nf-call-iptables
  bool filters_bridges_ipv6 = false;
  bool has_apparmor = false;
};

Machine read_machine();

// A value of /etc/os-release, without its quotes; empty if it is not there. Pure.
std::string os_release_value(const std::string& text, const std::string& name);

}  // namespace ctr::daemon
