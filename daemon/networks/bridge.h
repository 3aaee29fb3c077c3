// Bridges of the host and its routes, by netlink in-process. A bridge that we made bears a mark
// (its alias), so that we never remove or readdress one that an administrator made. Runs in: ctrd,
// in the network namespace that it was started in. Needs CAP_NET_ADMIN.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/networks/ipam.h"

namespace ctr::daemon {

struct BridgePlan {
  std::string name;      // at most 15 of [A-Za-z0-9_.-]
  uint32_t address = 0;  // the bridge's own: the containers' gateway
  int prefix = 0;
  std::string address6{};  // "fd00::1/64"; empty: no IPv6 on it
  uint32_t mtu = 1500;
};

// Throws Error{invalid_argument} for a name that the kernel, or a rule of the firewall, would
// refuse.
void check_bridge_name(std::string_view name);

// Makes the bridge be there, up, with its addresses, without IPv6 if it has no address of that. Nothing happens if it is so
// already; other addresses of a bridge that we made are removed.
void ensure_bridge(const BridgePlan& plan);
// Deletes a bridge that we made; blocks for some 20 ms. False if it is not there or not ours.
bool remove_bridge(const std::string& name);
bool is_our_bridge(const std::string& name);

// IPv4 addresses of a link, "10.1.0.1/16", the first one first; none if there is no such link.
std::vector<std::string> addresses_of(const std::string& link);

// Names of the host's ends of containers' links begin so; the rest is random.
inline constexpr std::string_view port_prefix = "vethc";
// Indices of the bridge's ports that lead to containers, but for those named in `keep`.
std::vector<int> container_ports_except(const std::string& bridge,
                                        const std::set<std::string>& keep);

// Subnets of the host's IPv4 routes, but for default routes.
std::vector<Subnet> routed_subnets();

// The sysctl net.ipv4.ip_forward: without it nothing leaves a bridge. Stays on when we go: others
// may have come to rely on it.
void enable_forwarding();
// The same for IPv6, net.ipv6.conf.all.forwarding: with it a host would stop to take router
// advertisements, and lose its own way out. Interfaces that take them are told to go on (accept_ra = 2).
void enable_forwarding6();
// The bridge's sysctl route_localnet: what the host's loopback sends to a published port comes back.
// Only for a bridge whose firewall table keeps containers from 127.0.0.1.
void enable_local_routing(const std::string& bridge);

}  // namespace ctr::daemon
