#include "runtime/network/interfaces.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/magic.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <sys/statfs.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>

#include "runtime/network/netlink.h"
#include "runtime/sys/error.h"
#include "runtime/sys/file.h"
#include "runtime/sys/timestamp.h"

namespace ctr::runtime {

using sys::Error;
using sys::ErrorKind;

namespace {

constexpr int loopback_index = 1;             // in every network namespace
constexpr int64_t await_limit = 100'000'000;  // nanoseconds
constexpr unsigned await_pause = 200;         // microseconds

ifinfomsg link_header(int index, bool up) {
  ifinfomsg header{};
  header.ifi_index = index;
  if (up) header.ifi_flags = header.ifi_change = IFF_UP;
  return header;
}

uint32_t network_order_address(std::string_view text) {
  auto address = parse_ipv4(text);
  if (!address)
    throw Error(ErrorKind::invalid_argument, fmt::format("'{}' is not an IPv4 address", text));
  return htonl(*address);
}

AddressWithPrefix address_of(const NetworkInterface& interface) {
  auto address = parse_address_with_prefix(interface.address);
  if (!address)
    throw Error(ErrorKind::invalid_argument,
                fmt::format("'{}' is not an IPv4 address with prefix", interface.address));
  return *address;
}

// --- the host's side -----------------------------------------------------------------------------

// One queue each: a queue costs the kernel two objects in sysfs, and by default there is one for
// each processor.
void add_common_attributes(NetlinkBatch& batch, const std::string& name, uint32_t mtu) {
  batch.attribute(IFLA_IFNAME, name);
  batch.attribute_u32(IFLA_MTU, mtu);
  batch.attribute_u32(IFLA_NUM_TX_QUEUES, 1);
  batch.attribute_u32(IFLA_NUM_RX_QUEUES, 1);
}

void add_peer(NetlinkBatch& batch, const NetworkInterface& interface, NetworkNamespace target) {
  size_t info = batch.begin_nest(IFLA_LINKINFO);
  batch.attribute(IFLA_INFO_KIND, "veth");
  size_t data = batch.begin_nest(IFLA_INFO_DATA);
  size_t peer = batch.begin_nest(VETH_INFO_PEER);
  batch.header(link_header(0, false));
  add_common_attributes(batch, interface.name, interface.mtu);
  if (!interface.mac_address.empty()) {
    auto mac = parse_mac_address(interface.mac_address);
    if (!mac)
      throw Error(ErrorKind::invalid_argument,
                  fmt::format("'{}' is not a MAC address", interface.mac_address));
    batch.attribute(IFLA_ADDRESS, mac->bytes, sizeof mac->bytes);
  }
  if (target.fd >= 0)
    batch.attribute_u32(IFLA_NET_NS_FD, static_cast<uint32_t>(target.fd));
  else
    batch.attribute_u32(IFLA_NET_NS_PID, static_cast<uint32_t>(target.pid));
  batch.end_nest(peer);
  batch.end_nest(data);
  batch.end_nest(info);
}

// No link-local address when the link comes up.
void add_no_generated_address(NetlinkBatch& batch) {
  size_t families = batch.begin_nest(IFLA_AF_SPEC);
  size_t inet6 = batch.begin_nest(AF_INET6);
  batch.attribute_u8(IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE);
  batch.end_nest(inet6);
  batch.end_nest(families);
}

// Who uses its own published port at the host's address is answered through the port that it came
// from: where br_netfilter translates on the bridge, that needs the port's hairpin mode.
//
// An isolated port passes nothing on to another one of that kind.
void add_port_settings(NetlinkBatch& batch, bool isolated) {
  size_t info = batch.begin_nest(IFLA_LINKINFO);
  batch.attribute(IFLA_INFO_SLAVE_KIND, "bridge");
  size_t port = batch.begin_nest(IFLA_INFO_SLAVE_DATA);
  batch.attribute_u8(IFLA_BRPORT_MODE, 1);
  if (isolated) batch.attribute_u8(IFLA_BRPORT_ISOLATED, 1);
  batch.end_nest(port);
  batch.end_nest(info);
}

void plan_pair(NetlinkBatch& batch, const NetworkInterface& interface, int bridge,
               NetworkNamespace target) {
  batch.begin(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL,
              fmt::format("connect '{}' by '{}' to bridge '{}'", interface.name,
                          interface.host_name, interface.bridge));
  batch.header(link_header(0, false));
  add_common_attributes(batch, interface.host_name, interface.mtu);
  if (bridge != 0) batch.attribute_u32(IFLA_MASTER, static_cast<uint32_t>(bridge));
  add_peer(batch, interface, target);

  // The kernel takes IFLA_AF_SPEC only for a link that exists, and would bring it up first.
  batch.begin(RTM_NEWLINK, 0, fmt::format("set up link '{}'", interface.host_name));
  batch.header(link_header(0, false));
  batch.attribute(IFLA_IFNAME, interface.host_name);
  add_no_generated_address(batch);
  if (bridge != 0) add_port_settings(batch, interface.isolated);
  batch.begin(RTM_NEWLINK, 0, fmt::format("bring up link '{}'", interface.host_name));
  batch.header(link_header(0, true));
  batch.attribute(IFLA_IFNAME, interface.host_name);
}

int bridge_index(const NetlinkSocket& socket, const std::string& bridge) {
  if (bridge.empty()) return 0;
  int index = socket.find_index(bridge);
  if (index == 0)
    throw Error(ErrorKind::not_found, fmt::format("bridge '{}' does not exist", bridge));
  return index;
}

// --- the container's side ------------------------------------------------------------------------

void write_ipv6_setting(const std::string& interface, const char* setting, const char* value) {
  // A kernel without IPv6 has no such file, and needs none.
  auto file = sys::find_at(AT_FDCWD,
                           fmt::format("/proc/sys/net/ipv6/conf/{}/{}", interface, setting),
                           O_WRONLY | O_NOFOLLOW);
  if (!file) return;
  // After the pivot, "/proc" is a name that the image had a say in: only the kernel's file is
  // written.
  struct statfs file_system {};
  sys::check(::fstatfs(file->get(), &file_system), "fstatfs");
  if (file_system.f_type != PROC_SUPER_MAGIC)
    throw Error(ErrorKind::forbidden, "/proc is not the kernel's");
  sys::write_all(file->get(), value, setting);
}

// Whoever shares the bridge could give the container an address and a default route by a forged router
// advertisement (W03): no IPv6 where none was asked for, and no advertisements where it was. There is
// no netlink for it.
void set_up_ipv6(const NetworkInterface& interface) {
  const bool wanted = !interface.address6.empty();
  if (wanted) write_ipv6_setting(interface.name, "accept_ra", "0");
  write_ipv6_setting(interface.name, "disable_ipv6", wanted ? "0" : "1");
}

Ipv6AddressWithPrefix address6_of(const NetworkInterface& interface) {
  auto address = parse_ipv6_with_prefix(interface.address6);
  if (!address)
    throw Error(ErrorKind::invalid_argument,
                fmt::format("'{}' is not an IPv6 address with prefix", interface.address6));
  return *address;
}

void begin_address(NetlinkBatch& batch, const std::string& text, const std::string& name, int family,
                   uint8_t prefix, int index) {
  batch.begin(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL,
              fmt::format("give address '{}' to '{}'", text, name));
  ifaddrmsg header{};
  header.ifa_family = static_cast<uint8_t>(family);
  header.ifa_prefixlen = prefix;
  // We hand out each address once: nobody has to be asked whether he has it, for a second.
  if (family == AF_INET6) header.ifa_flags = IFA_F_NODAD;
  header.ifa_index = static_cast<uint32_t>(index);
  batch.header(header);
}

void plan_address(NetlinkBatch& batch, const NetworkInterface& interface, int index) {
  AddressWithPrefix address = address_of(interface);
  begin_address(batch, interface.address, interface.name, AF_INET, address.prefix, index);
  batch.attribute_u32(IFA_LOCAL, htonl(address.address));
  batch.attribute_u32(IFA_ADDRESS, htonl(address.address));
  if (address.prefix < 31)
    batch.attribute_u32(IFA_BROADCAST, htonl(address.address | ~uint32_t{0} >> address.prefix));
}

void plan_address6(NetlinkBatch& batch, const NetworkInterface& interface, int index) {
  Ipv6AddressWithPrefix address = address6_of(interface);
  begin_address(batch, interface.address6, interface.name, AF_INET6, address.prefix, index);
  batch.attribute(IFA_LOCAL, address.address.data(), address.address.size());
  batch.attribute(IFA_ADDRESS, address.address.data(), address.address.size());
}

void begin_default_route(NetlinkBatch& batch, const std::string& gateway, int family) {
  batch.begin(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE,
              fmt::format("default route through '{}'", gateway));
  rtmsg header{};
  header.rtm_family = static_cast<uint8_t>(family);
  header.rtm_table = RT_TABLE_MAIN;
  header.rtm_protocol = RTPROT_BOOT;
  header.rtm_type = RTN_UNICAST;
  batch.header(header);
}

void plan_default_routes(NetlinkBatch& batch, const NetworkInterface& interface, int index) {
  if (!interface.gateway.empty()) {
    begin_default_route(batch, interface.gateway, AF_INET);
    batch.attribute_u32(RTA_GATEWAY, network_order_address(interface.gateway));
    batch.attribute_u32(RTA_OIF, static_cast<uint32_t>(index));
  }
  if (interface.gateway6.empty()) return;
  auto gateway = parse_ipv6(interface.gateway6);
  if (!gateway)
    throw Error(ErrorKind::invalid_argument,
                fmt::format("'{}' is not an IPv6 address", interface.gateway6));
  begin_default_route(batch, interface.gateway6, AF_INET6);
  batch.attribute(RTA_GATEWAY, gateway->data(), gateway->size());
  batch.attribute_u32(RTA_OIF, static_cast<uint32_t>(index));
}

void plan_configuration(NetlinkBatch& batch, const NetworkInterface& interface, int index) {
  if (interface.address6.empty()) {
    batch.begin(RTM_NEWLINK, 0, fmt::format("set up '{}'", interface.name));
    batch.header(link_header(index, false));
    add_no_generated_address(batch);
  }
  batch.begin(RTM_NEWLINK, 0, fmt::format("bring up '{}'", interface.name));
  batch.header(link_header(index, true));
  if (!interface.address.empty()) plan_address(batch, interface, index);
  if (!interface.address6.empty()) plan_address6(batch, interface, index);
  plan_default_routes(batch, interface, index);
}

// --- listing -------------------------------------------------------------------------------------

std::string mac_text(std::span<const std::byte> bytes) {
  std::string text;
  for (std::byte byte : bytes) {
    char piece[4];
    std::snprintf(piece, sizeof piece, "%s%02x", text.empty() ? "" : ":",
                  std::to_integer<unsigned>(byte));
    text += piece;
  }
  return text;
}

Link link_of(const NetlinkMessage& message) {
  auto header = message.header<ifinfomsg>();
  auto attributes = message.attributes<ifinfomsg>();
  Link link;
  link.index = header.ifi_index;
  link.up = (header.ifi_flags & IFF_UP) != 0;
  if (auto state = attributes.find(IFLA_OPERSTATE); state && !state->empty())
    link.operational = std::to_integer<int>(state->front()) == IF_OPER_UP;
  link.name = attributes.find_text(IFLA_IFNAME);
  link.master = static_cast<int>(attributes.find_u32(IFLA_MASTER).value_or(0));
  link.peer = static_cast<int>(attributes.find_u32(IFLA_LINK).value_or(0));
  link.mtu = attributes.find_u32(IFLA_MTU).value_or(0);
  if (auto mac = attributes.find(IFLA_ADDRESS)) link.mac_address = mac_text(*mac);
  if (auto info = attributes.find(IFLA_LINKINFO))
    link.kind = NetlinkAttributes(*info).find_text(IFLA_INFO_KIND);
  return link;
}

std::optional<Link> find_link(NetlinkSocket& socket, const std::string& name) {
  int index = socket.find_index(name);
  if (index == 0) return std::nullopt;
  NetlinkBatch batch;
  batch.begin(RTM_GETLINK, 0, fmt::format("find link '{}'", name));
  batch.header(link_header(index, false));
  std::optional<Link> found;
  try {
    socket.query(batch, [&](const NetlinkMessage& message) { found = link_of(message); });
  } catch (const Error& error) {
    if (error.error_number() != ENODEV) throw;  // it went between the two calls
  }
  return found;
}

}  // namespace

void connect_interfaces(const std::vector<NetworkInterface>& interfaces, NetworkNamespace target) {
  if (interfaces.empty()) return;
  NetlinkSocket socket;
  NetlinkBatch batch;
  for (const NetworkInterface& interface : interfaces)
    plan_pair(batch, interface, bridge_index(socket, interface.bridge), target);
  socket.execute(batch);
}

void configure_interfaces(const std::vector<NetworkInterface>& interfaces) {
  NetlinkSocket socket;
  NetlinkBatch batch;
  batch.begin(RTM_NEWLINK, 0, "bring up 'lo'");
  batch.header(link_header(loopback_index, true));
  for (const NetworkInterface& interface : interfaces) {
    int index = socket.find_index(interface.name);
    if (index == 0)
      throw Error(ErrorKind::not_found, fmt::format("link '{}' does not exist", interface.name));
    set_up_ipv6(interface);
    plan_configuration(batch, interface, index);
  }
  socket.execute(batch);
}

void set_default_route(const NetworkInterface& interface) {
  NetlinkSocket socket;
  NetlinkBatch batch;
  int index = socket.find_index(interface.name);
  if (index == 0)
    throw Error(ErrorKind::not_found, fmt::format("link '{}' does not exist", interface.name));
  plan_default_routes(batch, interface, index);
  socket.execute(batch);
}

bool await_interfaces(const std::vector<NetworkInterface>& interfaces) {
  // The host's ends first: a bridge is operational once a port is.
  std::vector<std::string> links;
  for (const NetworkInterface& interface : interfaces) links.push_back(interface.host_name);
  for (const NetworkInterface& interface : interfaces)
    if (!interface.bridge.empty()) links.push_back(interface.bridge);
  if (links.empty()) return true;
  NetlinkSocket socket;
  int64_t deadline = sys::monotonic_now() + await_limit;
  for (const std::string& name : links) {
    for (;;) {
      auto link = find_link(socket, name);
      if (link && link->operational) break;
      if (!link || !link->up || sys::monotonic_now() > deadline) return false;
      ::usleep(await_pause);
    }
  }
  return true;
}

std::vector<Link> list_links(std::string_view prefix) {
  NetlinkSocket socket;
  NetlinkBatch batch;
  batch.begin(RTM_GETLINK, NLM_F_DUMP, "list links");
  batch.header(link_header(0, false));
  std::vector<Link> links;
  socket.query(batch, [&](const NetlinkMessage& message) {
    if (message.type != RTM_NEWLINK) return;
    Link link = link_of(message);
    if (std::string_view(link.name).starts_with(prefix)) links.push_back(std::move(link));
  });
  return links;
}

std::optional<Link> find_link(const std::string& name) {
  NetlinkSocket socket;
  return find_link(socket, name);
}

void delete_links(const std::vector<int>& indices) {
  if (indices.empty()) return;
  // A link alone in its request waits for all processors by itself; the members of a group go
  // together. The group's number is the first index: unique among what runs at the same time.
  auto group = static_cast<uint32_t>(indices.front()) | 0x63000000U;
  NetlinkSocket socket;
  NetlinkBatch batch;
  for (int index : indices) {
    batch.begin(RTM_NEWLINK, 0, fmt::format("mark link {}", index));
    batch.header(link_header(index, false));
    batch.attribute_u32(IFLA_GROUP, group);
  }
  batch.begin(RTM_DELLINK, 0, "delete links");
  batch.header(link_header(0, false));
  batch.attribute_u32(IFLA_GROUP, group);
  socket.execute(batch, [](size_t, int error_number) { return error_number == ENODEV; });
}

}  // namespace ctr::runtime
