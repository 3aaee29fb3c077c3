#include "daemon/networks/firewall.h"

#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <vector>

#include "runtime/network/netlink.h"
#include "runtime/sys/error.h"
#include "runtime/sys/file.h"
#include "runtime/sys/process.h"

namespace ctr::daemon {

using sys::Error;
using sys::ErrorKind;

namespace {

// Not $PATH: the daemon's may be anything, and what runs here runs as root.
std::optional<std::string> find_program(const std::string& name) {
  for (const char* directory : {"/usr/sbin/", "/sbin/", "/usr/bin/", "/bin/", "/usr/local/sbin/"})
    if (::access((directory + name).c_str(), X_OK) == 0) return directory + name;
  return std::nullopt;
}

void run_nft(const std::string& rules) {
  auto nft = find_program("nft");
  if (!nft)
    throw Error(ErrorKind::unsupported,
                "the program 'nft' is missing (package nftables): containers have no way out of "
                "their network");
  auto result = sys::run_command(*nft, {"-f", "-"}, rules);
  if (result.status.exit_code() != 0)
    throw Error(ErrorKind::internal, fmt::format("nft refuses the rules: {}", result.output));
}

void begin_question(runtime::NetlinkBatch& batch, int message, uint16_t flags, int family,
                    const std::string& what) {
  batch.begin(static_cast<uint16_t>(NFNL_SUBSYS_NFTABLES << 8 | message), flags, what);
  nfgenmsg header{};
  header.nfgen_family = static_cast<uint8_t>(family);
  header.version = NFNETLINK_V0;
  batch.header(header);
}

// Whether nf_tables has an answer; false, too, where the kernel has no nf_tables.
bool is_answered(runtime::NetlinkBatch& batch) {
  try {
    bool found = false;
    runtime::NetlinkSocket(NETLINK_NETFILTER).query(batch, [&](const auto&) { found = true; });
    return found;
  } catch (const Error& error) {
    if (error.error_number() == EPERM) throw;
    return false;
  }
}

bool has_nft_table(const std::string& name, int family = AF_INET) {
  runtime::NetlinkBatch batch;
  begin_question(batch, NFT_MSG_GETTABLE, 0, family, "find table '" + name + "'");
  batch.attribute(NFTA_TABLE_NAME, name);
  return is_answered(batch);
}

// The chain that keeps networks apart: `nft flush` leaves a table's chains there, and empty.
bool has_rules(const std::string& name, int family) {
  runtime::NetlinkBatch batch;
  begin_question(batch, NFT_MSG_GETRULE, NLM_F_DUMP, family, "list rules of '" + name + "'");
  batch.attribute(NFTA_RULE_TABLE, name);
  batch.attribute(NFTA_RULE_CHAIN, "forward");
  return is_answered(batch);
}

// The iptables whose tables are in use, of the two that a host can have. Asking the legacy one
// would create its tables, so the kernel is asked first.
std::vector<std::string> iptables_in_use() {
  std::vector<std::string> programs;
  auto add = [&](const char* variant) {
    auto program = find_program(variant);
    if (!program) program = find_program("iptables");
    if (program) programs.push_back(*program);
  };
  if (has_nft_table("filter")) add("iptables-nft");
  auto legacy = sys::find_file("/proc/net/ip_tables_names", 4096);
  if (legacy && legacy->find("filter") != std::string::npos) add("iptables-legacy");
  return programs;
}

sys::CommandResult run_iptables(const std::string& program, std::vector<std::string> arguments) {
  // -w: wait for the lock that iptables programs take against each other (L47).
  arguments.insert(arguments.begin(), {"-w", "5"});
  return sys::run_command(program, arguments);
}

// The rules that let a bridge's traffic pass dockerd's policy. Our own table still decides what may
// come in.
std::vector<std::vector<std::string>> passing_rules(const std::string& bridge) {
  const std::vector<std::string> mark = {"-m", "comment", "--comment", "ctr:" + bridge,
                                         "-j", "ACCEPT"};
  std::vector<std::string> out = {"DOCKER-USER", "-i", bridge};
  std::vector<std::string> replies = {
      "DOCKER-USER", "-o", bridge, "-m", "conntrack", "--ctstate", "RELATED,ESTABLISHED"};
  out.insert(out.end(), mark.begin(), mark.end());
  replies.insert(replies.end(), mark.begin(), mark.end());
  return {out, replies};
}

bool run_rule(const std::string& program, const char* verb, std::vector<std::string> rule) {
  rule.insert(rule.begin(), verb);
  return run_iptables(program, rule).status.exit_code() == 0;
}

bool open_docker_user(const std::string& program, const std::string& bridge) {
  for (const auto& rule : passing_rules(bridge))
    if (!run_rule(program, "-C", rule) && !run_rule(program, "-I", rule)) return false;
  return true;
}

}  // namespace

std::string table_name(const std::string& bridge) {
  return "ctr_" + bridge;
}

namespace {

// What the rules of the two families are written with.
struct Family {
  const char* name;          // nft's
  const char* address_type;  // nft's
  const char* loopback;
  std::string subnet;
};

Family ipv4(const FirewallPlan& plan) {
  return {"ip", "ipv4_addr", "127.0.0.0/8", to_string(plan.subnet)};
}
Family ipv6(const FirewallPlan& plan) {
  return {"ip6", "ipv6_addr", "::1", to_string(plan.subnet6.value())};
}

bool is_anywhere(const PublishedPort& port) {
  return port.host_ip == any_ipv4 || port.host_ip == any_ipv6;
}

// "10.0.0.1 . tcp . 80" in the map of one address, "tcp . 80" in the one of all.
std::string element_key(const PublishedPort& port) {
  std::string key = fmt::format("{} . {}", port.protocol, port.host_port);
  return is_anywhere(port) ? key : port.host_ip + " . " + key;
}

const char* map_of(const PublishedPort& port) {
  return is_anywhere(port) ? "published_anywhere" : "published";
}

// Two maps of ports, and chains that look into them: a container's start or end changes elements and
// no rule. A packet from outside to 127.0.0.1 is never for us (W06), whatever route_localnet says. There
// is no such setting for IPv6: what is sent to ::1 cannot leave the host.
std::string port_chains(const FirewallPlan& plan, const Family& family) {
  const std::string lookup =
      fmt::format("fib daddr type local dnat {0} to {0} daddr . meta l4proto . th dport map @published\n",
                  family.name);
  const std::string lookup_anywhere = fmt::format(
      "fib daddr type local dnat {} to meta l4proto . th dport map @published_anywhere\n",
      family.name);
  const std::string elsewhere = fmt::format("{} daddr != {}", family.name, family.loopback);
  const bool from_loopback = family.name == std::string_view("ip");
  std::string text = fmt::format(
      " map published {{\n"
      "  type {0} . inet_proto . inet_service : {0} . inet_service\n }}\n"
      " map published_anywhere {{\n"
      "  type inet_proto . inet_service : {0} . inet_service\n }}\n",
      family.address_type);
  if (from_loopback)
    text += fmt::format(
        " chain unforged {{\n"
        "  type filter hook prerouting priority -300; policy accept;\n"
        "  iifname \"{}\" ip daddr 127.0.0.0/8 drop\n }}\n",
        plan.bridge);
  const std::string condition = from_loopback ? "" : elsewhere + " ";
  return text + fmt::format(
                    " chain prerouting {{\n"
                    "  type nat hook prerouting priority -100; policy accept;\n"
                    "  {0} {1}  {0} {2} }}\n"
                    " chain output {{\n"
                    "  type nat hook output priority -100; policy accept;\n"
                    "  {3}{1}  {3}{2} }}\n",
                    elsewhere, lookup, lookup_anywhere, condition);
}

std::string postrouting_chain(const FirewallPlan& plan, const Family& family) {
  std::string text =
      " chain postrouting {\n"
      "  type nat hook postrouting priority 100; policy accept;\n";
  const bool as_one = !plan.source_address.empty() && family.name == std::string_view("ip");
  if (plan.masquerade)
    text += fmt::format("  {} saddr {} oifname != \"{}\" {}\n", family.name, family.subnet,
                        plan.bridge, as_one ? "snat to " + plan.source_address : "masquerade");
  // Who uses a published port from the host's loopback or from the same network: the answer must
  // come back through us. All others keep their address (W05).
  return text + fmt::format("  oifname \"{}\" ct status dnat {} saddr {{ {}, {} }} masquerade\n }}\n",
                            plan.bridge, family.name, family.loopback, family.subnet);
}

std::string forward_chain(const FirewallPlan& plan) {
  std::string text =
      " chain forward {\n"
      "  type filter hook forward priority 0; policy accept;\n";
  if (plan.internal)
    text += fmt::format("  iifname \"{0}\" oifname != \"{0}\" drop\n", plan.bridge);
  else
    text += fmt::format(
        "  oifname \"{0}\" ct state established,related accept\n"
        "  oifname \"{0}\" ct status dnat accept\n",
        plan.bridge);
  // Neither a neighbour of the host that routes to our subnet (W06) nor another network's container
  // (W04) may begin a conversation with a container; nor one of the same network, through the host, where
  // the bridge keeps them apart.
  const std::string foreign =
      plan.connects_containers ? fmt::format(" iifname != \"{}\"", plan.bridge) : "";
  return text + fmt::format("  oifname \"{}\"{} drop\n }}\n", plan.bridge, foreign);
}

// Declaring and deleting first makes it a replacement, whatever was there.
std::string plan_family(const FirewallPlan& plan, const Family& family) {
  std::string text = fmt::format("table {0} {1}\ndelete table {0} {1}\ntable {0} {1} {{\n", family.name,
                                 table_name(plan.bridge));
  if (!plan.internal) text += port_chains(plan, family) + postrouting_chain(plan, family);
  return text + forward_chain(plan) + "}\n";
}

}  // namespace

std::string plan_ports_change(const std::string& bridge, const char* verb,
                              const std::vector<PortRule>& ports) {
  std::string text;
  for (const PortRule& rule : ports) {
    std::string element = element_key(rule.port);
    if (verb == std::string_view("add"))
      element += fmt::format(" : {} . {}", rule.container_ip, rule.port.container_port);
    text += fmt::format("{} element {} {} {} {{ {} }}\n", verb, is_ipv6(rule.port) ? "ip6" : "ip",
                        table_name(bridge), map_of(rule.port), element);
  }
  return text;
}

std::string plan_table(const FirewallPlan& plan) {
  std::string text = plan_family(plan, ipv4(plan));
  if (plan.subnet6) text += plan_family(plan, ipv6(plan));
  if (!plan.internal) text += plan_ports_change(plan.bridge, "add", plan.ports);
  return text;
}

void apply_table(const FirewallPlan& plan) {
  std::string text = plan_table(plan);
  // The network had IPv6 before.
  if (!plan.subnet6 && has_nft_table(table_name(plan.bridge), AF_INET6))
    text += fmt::format("delete table ip6 {}\n", table_name(plan.bridge));
  run_nft(text);
}

void open_ports(const std::string& bridge, const std::vector<PortRule>& ports) {
  run_nft(plan_ports_change(bridge, "add", ports));
}

void close_ports(const std::string& bridge, const std::vector<PortRule>& ports) {
  if (has_nft_table(table_name(bridge))) run_nft(plan_ports_change(bridge, "delete", ports));
}

bool table_exists(const std::string& bridge, bool ipv6) {
  return has_rules(table_name(bridge), AF_INET) &&
         (!ipv6 || has_rules(table_name(bridge), AF_INET6));
}

void remove_table(const std::string& bridge) {
  std::string rules;
  for (const auto& [family, name] : {std::pair(AF_INET, "ip"), std::pair(AF_INET6, "ip6")})
    if (has_nft_table(table_name(bridge), family))
      rules += fmt::format("delete table {} {}\n", name, table_name(bridge));
  if (!rules.empty()) run_nft(rules);
}

bool drops_forwarded(const std::string& listing) {
  return listing.find("policy drop") != std::string::npos ||
         listing.find("-P FORWARD DROP") != std::string::npos;
}

std::optional<std::string> open_foreign_firewall(const std::string& bridge) {
  for (const std::string& program : iptables_in_use()) {
    if (!drops_forwarded(run_iptables(program, {"-S", "FORWARD"}).output)) continue;
    bool has_hook = run_iptables(program, {"-S", "DOCKER-USER"}).status.exit_code() == 0;
    if (has_hook && open_docker_user(program, bridge)) continue;
    return fmt::format(
        "iptables drops forwarded packets (policy of chain FORWARD): containers on '{0}' reach "
        "this host only; to let them out: {1} -I FORWARD -i {0} -j ACCEPT && {1} -I FORWARD -o {0} "
        "-m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
        bridge, program);
  }
  return std::nullopt;
}

void close_foreign_firewall(const std::string& bridge) {
  for (const std::string& program : iptables_in_use())
    for (const auto& rule : passing_rules(bridge))
      if (run_rule(program, "-C", rule)) run_rule(program, "-D", rule);
}

}  // namespace ctr::daemon
