// A port of one loopback address that leads to others, so that nothing need be bound to it: a
// server of the container's own may then have the port on all addresses. By rules of nftables that
// rewrite packets as they are sent, without the kernel's address translation: nothing is tracked,
// and conntrack is not loaded.
#pragma once

#include <cstdint>

namespace ctr::runtime {

struct PortRedirection {
  uint32_t address = 0;   // host byte order
  uint16_t port = 0;      // what is sent there …
  uint16_t udp_port = 0;  // … arrives here, at the same address
  uint16_t tcp_port = 0;
};

// In the caller's network namespace, for as long as that lives. Throws Error of the kernel's if it
// has no nftables. runs in: ctr-monitor, inside a container's network namespace; needs
// CAP_NET_ADMIN there.
void redirect_port(const PortRedirection& redirection);

}  // namespace ctr::runtime
