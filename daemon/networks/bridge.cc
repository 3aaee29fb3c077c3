#include "daemon/networks/bridge.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>

#include <algorithm>

#include "runtime/network/interfaces.h"
#include "runtime/network/netlink.h"
#include "runtime/sys/error.h"
#include "runtime/sys/file.h"

namespace ctr::daemon {

using runtime::NetlinkBatch;
using runtime::NetlinkMessage;
using runtime::NetlinkSocket;
using sys::Error;
using sys::ErrorKind;

namespace {

constexpr std::string_view our_mark = "made by ctrd";

ifinfomsg link_header(int index, bool up) {
  ifinfomsg header{};
  header.ifi_index = index;
  if (up) header.ifi_flags = header.ifi_change = IFF_UP;
  return header;
}

// The MAC is fixed: else a bridge takes that of its lowest port, and every container that comes or
// goes would change it under the others' ARP caches.
void create_bridge(NetlinkSocket& socket, const BridgePlan& plan) {
  auto mac = runtime::parse_mac_address(mac_of_address(plan.address)).value();
  NetlinkBatch batch;
  batch.begin(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, fmt::format("create bridge '{}'", plan.name));
  batch.header(link_header(0, false));
  batch.attribute(IFLA_IFNAME, plan.name);
  batch.attribute(IFLA_IFALIAS, our_mark);
  batch.attribute_u32(IFLA_MTU, plan.mtu);
  batch.attribute(IFLA_ADDRESS, mac.bytes, sizeof mac.bytes);
  size_t info = batch.begin_nest(IFLA_LINKINFO);
  batch.attribute(IFLA_INFO_KIND, "bridge");
  batch.end_nest(info);
  // Some kernels take an alias only for a link that exists.
  batch.begin(RTM_NEWLINK, 0, fmt::format("mark bridge '{}'", plan.name));
  batch.header(link_header(0, false));
  batch.attribute(IFLA_IFNAME, plan.name);
  batch.attribute(IFLA_IFALIAS, our_mark);
  socket.execute(batch);
}

// A container's forged router advertisement must not give the host an address or a route (W01).
void set_up_ipv6(const std::string& bridge, bool wanted) {
  std::string directory = "/proc/sys/net/ipv6/conf/" + bridge;
  if (!sys::exists(directory)) {
    if (!wanted) return;
    throw Error(ErrorKind::unsupported, "this kernel has no IPv6");
  }
  sys::write_existing(AT_FDCWD, directory + "/accept_ra", "0");
  sys::write_existing(AT_FDCWD, directory + "/disable_ipv6", wanted ? "0" : "1");
}

// At once, without asking around whether somebody else has it.
void plan_address6(NetlinkBatch& batch, int index, const std::string& text) {
  const auto address = runtime::parse_ipv6_with_prefix(text).value();
  batch.begin(RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, "set bridge address " + text);
  ifaddrmsg header{};
  header.ifa_family = AF_INET6;
  header.ifa_prefixlen = address.prefix;
  header.ifa_flags = IFA_F_NODAD;
  header.ifa_index = static_cast<uint32_t>(index);
  batch.header(header);
  batch.attribute(IFA_LOCAL, address.address.data(), address.address.size());
  batch.attribute(IFA_ADDRESS, address.address.data(), address.address.size());
}

void plan_address(NetlinkBatch& batch, uint16_t type, uint16_t flags, int index, uint32_t address,
                  int prefix) {
  batch.begin(type, flags,
              fmt::format("{} bridge address {}/{}", type == RTM_NEWADDR ? "set" : "remove",
                          format_ipv4(address), prefix));
  ifaddrmsg header{};
  header.ifa_family = AF_INET;
  header.ifa_prefixlen = static_cast<uint8_t>(prefix);
  header.ifa_index = static_cast<uint32_t>(index);
  batch.header(header);
  batch.attribute_u32(IFA_LOCAL, htonl(address));
  batch.attribute_u32(IFA_ADDRESS, htonl(address));
  uint32_t broadcast = address | ~Subnet{.address = 0, .prefix = prefix}.mask();
  if (type == RTM_NEWADDR)
    batch.attribute_u32(IFA_BROADCAST, htonl(broadcast));
}

struct LinkAddress {
  uint32_t address = 0;
  int prefix = 0;
};

std::vector<LinkAddress> list_addresses(NetlinkSocket& socket, int index) {
  NetlinkBatch batch;
  batch.begin(RTM_GETADDR, NLM_F_DUMP, "list addresses");
  ifaddrmsg header{};
  header.ifa_family = AF_INET;
  batch.header(header);
  std::vector<LinkAddress> addresses;
  socket.query(batch, [&](const NetlinkMessage& message) {
    if (message.type != RTM_NEWADDR) return;
    auto found = message.header<ifaddrmsg>();
    auto local = message.attributes<ifaddrmsg>().find_u32(IFA_LOCAL);
    if (static_cast<int>(found.ifa_index) == index && local)
      addresses.push_back({ntohl(*local), found.ifa_prefixlen});
  });
  return addresses;
}

std::string alias_of(NetlinkSocket& socket, int index) {
  NetlinkBatch batch;
  batch.begin(RTM_GETLINK, 0, "look at bridge");
  batch.header(link_header(index, false));
  std::string alias;
  socket.query(batch, [&](const NetlinkMessage& message) {
    alias = message.attributes<ifinfomsg>().find_text(IFLA_IFALIAS);
  });
  return alias;
}

}  // namespace

void check_bridge_name(std::string_view name) {
  bool good = !name.empty() && name.size() < IFNAMSIZ && name != "." && name != ".." &&
              std::all_of(name.begin(), name.end(), [](char c) {
                return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '_' || c == '.';
              });
  if (!good)
    throw Error(
        ErrorKind::invalid_argument,
        fmt::format("invalid interface name '{}': at most {} letters, digits, '-', '_', '.'", name,
                    IFNAMSIZ - 1));
}

void ensure_bridge(const BridgePlan& plan) {
  check_bridge_name(plan.name);
  NetlinkSocket socket;
  int index = socket.find_index(plan.name);
  if (index == 0) {
    create_bridge(socket, plan);
    index = socket.find_index(plan.name);
  } else if (runtime::find_link(plan.name).value_or(runtime::Link{}).kind != "bridge") {
    throw Error(ErrorKind::conflict, fmt::format("link '{}' is not a bridge", plan.name));
  }

  NetlinkBatch batch;
  bool has_address = false;
  bool ours = alias_of(socket, index) == our_mark;
  if (ours || !plan.address6.empty()) set_up_ipv6(plan.name, !plan.address6.empty());
  for (const LinkAddress& old : list_addresses(socket, index)) {
    if (old.address == plan.address && old.prefix == plan.prefix)
      has_address = true;
    else if (ours)
      plan_address(batch, RTM_DELADDR, 0, index, old.address, old.prefix);
  }
  if (!has_address)
    plan_address(batch, RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, index, plan.address,
                 plan.prefix);
  if (!plan.address6.empty()) plan_address6(batch, index, plan.address6);
  batch.begin(RTM_NEWLINK, 0, fmt::format("bring up bridge '{}'", plan.name));
  batch.header(link_header(index, true));
  socket.execute(batch);
}

bool is_our_bridge(const std::string& name) {
  NetlinkSocket socket;
  int index = socket.find_index(name);
  return index != 0 && alias_of(socket, index) == our_mark;
}

bool remove_bridge(const std::string& name) {
  auto link = runtime::find_link(name);
  if (!link || !is_our_bridge(name)) return false;
  runtime::delete_links({link->index});
  return true;
}

std::vector<std::string> addresses_of(const std::string& link) {
  NetlinkSocket socket;
  int index = socket.find_index(link);
  std::vector<std::string> texts;
  if (index == 0) return texts;
  for (const LinkAddress& found : list_addresses(socket, index))
    texts.push_back(fmt::format("{}/{}", format_ipv4(found.address), found.prefix));
  return texts;
}

std::vector<int> container_ports_except(const std::string& bridge,
                                        const std::set<std::string>& keep) {
  std::vector<int> indices;
  auto found = runtime::find_link(bridge);
  if (!found) return indices;
  for (const runtime::Link& link : runtime::list_links(port_prefix))
    if (link.master == found->index && link.kind == "veth" && !keep.contains(link.name))
      indices.push_back(link.index);
  return indices;
}

std::vector<Subnet> routed_subnets() {
  NetlinkSocket socket;
  NetlinkBatch batch;
  batch.begin(RTM_GETROUTE, NLM_F_DUMP, "list routes");
  rtmsg header{};
  header.rtm_family = AF_INET;
  batch.header(header);
  std::vector<Subnet> subnets;
  socket.query(batch, [&](const NetlinkMessage& message) {
    if (message.type != RTM_NEWROUTE) return;
    auto route = message.header<rtmsg>();
    auto destination = message.attributes<rtmsg>().find_u32(RTA_DST);
    // Table "local" holds our own addresses; their subnets are in "main".
    if (!destination || route.rtm_dst_len == 0 || route.rtm_table == RT_TABLE_LOCAL) return;
    subnets.push_back({ntohl(*destination), route.rtm_dst_len});
  });
  return subnets;
}

void enable_local_routing(const std::string& bridge) {
  sys::write_existing(AT_FDCWD, "/proc/sys/net/ipv4/conf/" + bridge + "/route_localnet", "1");
}

void enable_forwarding() {
  const std::string path = "/proc/sys/net/ipv4/ip_forward";
  if (sys::read_file(path, 16).starts_with("1")) return;
  sys::write_existing(AT_FDCWD, path, "1");
}

void enable_forwarding6() {
  const std::string directory = "/proc/sys/net/ipv6/conf/";
  const std::string path = directory + "all/forwarding";
  if (sys::find_file(path, 16).value_or("1").starts_with("1")) return;
  for (const std::string& interface : sys::list_directory(directory)) {
    const std::string setting = directory + interface + "/accept_ra";
    if (sys::find_file(setting, 16).value_or("").starts_with("1"))
      sys::write_existing(AT_FDCWD, setting, "2");
  }
  sys::write_existing(AT_FDCWD, path, "1");
}

}  // namespace ctr::daemon
