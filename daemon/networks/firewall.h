// What the firewall does for our networks: one nft table for each bridge and family, ours alone, put in whole
// and taken out whole. Nobody else's table is touched, but for iptables' own hook for such cases,
// the chain DOCKER-USER, where a dockerd on the same host drops all that it does not know. Runs in:
// ctrd, in the network namespace that it was started in. Needs CAP_NET_ADMIN and `nft`.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "daemon/networks/ipam.h"
#include "daemon/networks/ipam6.h"
#include "daemon/networks/ports.h"

namespace ctr::daemon {

struct FirewallPlan {
  std::string bridge;  // checked by check_bridge_name
  Subnet subnet;
  std::optional<Subnet6> subnet6{};
  bool connects_containers = true;  // with each other
  bool internal = false;   // no way out
  bool masquerade = true;  // containers leave the host under its address
  std::string source_address{};  // this one, if it is not empty (IPv4 only)
  std::vector<PortRule> ports{};
};

// "ctr_" and the bridge's name.
std::string table_name(const std::string& bridge);
// The input of `nft -f -` that puts the bridge's table in place of an old one, in one transaction.
// Pure.
std::string plan_table(const FirewallPlan& plan);

// Throws Error{unsupported} if there is no nft, Error{internal} with nft's words if it refuses.
void apply_table(const FirewallPlan& plan);
// The input of `nft -f -` that adds published ports to the bridge's table, or takes them out. Pure.
std::string plan_ports_change(const std::string& bridge, const char* verb,
                              const std::vector<PortRule>& ports);
void open_ports(const std::string& bridge, const std::vector<PortRule>& ports);
// Nothing happens if the table is not there.
void close_ports(const std::string& bridge, const std::vector<PortRule>& ports);
// With its rules, of one family or both. Asks the kernel in-process (nft costs 6 ms): somebody's
// `nft flush ruleset` takes our table, too.
bool table_exists(const std::string& bridge, bool ipv6 = false);
// Nothing happens if it is not there.
void remove_table(const std::string& bridge);

// The policy of iptables' chain FORWARD is DROP (dockerd makes it so): what our table accepts, that
// chain drops. Opens DOCKER-USER for the bridge if there is one; else returns a warning for the
// user, with what to do.
std::optional<std::string> open_foreign_firewall(const std::string& bridge);
// Takes back what open_foreign_firewall put into DOCKER-USER.
void close_foreign_firewall(const std::string& bridge);

// From the answer of `nft list chain ip filter FORWARD` or `iptables -S FORWARD`. Pure.
bool drops_forwarded(const std::string& listing);

}  // namespace ctr::daemon
