#include "runtime/network/moved_devices.h"

#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <sched.h>

#include <vector>

#include "runtime/network/netlink.h"
#include "runtime/sys/error.h"
#include "runtime/sys/file.h"

namespace ctr::runtime {

namespace {

// An address as the kernel listed it, to be given to the device again.
struct DeviceAddress {
  ifaddrmsg header{};
  std::vector<std::byte> address;
  std::vector<std::byte> local;
  std::vector<std::byte> broadcast;
};

std::vector<std::byte> copy_of(const NetlinkAttributes& attributes, uint16_t type) {
  const auto found = attributes.find(type);
  return found ? std::vector<std::byte>(found->begin(), found->end()) : std::vector<std::byte>();
}

// Those that outlive the move as the administrator's: not the link-local ones, which the kernel makes
// anew, nor what a router advertised.
std::vector<DeviceAddress> list_addresses(NetlinkSocket& socket, int index) {
  NetlinkBatch batch;
  batch.begin(RTM_GETADDR, NLM_F_DUMP, "list addresses");
  batch.header(ifaddrmsg{});
  std::vector<DeviceAddress> addresses;
  socket.query(batch, [&](const NetlinkMessage& message) {
    if (message.type != RTM_NEWADDR) return;
    const auto header = message.header<ifaddrmsg>();
    if (header.ifa_index != static_cast<uint32_t>(index) || header.ifa_scope != RT_SCOPE_UNIVERSE ||
        (header.ifa_flags & IFA_F_PERMANENT) == 0)
      return;
    const auto attributes = message.attributes<ifaddrmsg>();
    addresses.push_back({header, copy_of(attributes, IFA_ADDRESS), copy_of(attributes, IFA_LOCAL),
                         copy_of(attributes, IFA_BROADCAST)});
  });
  return addresses;
}

void plan_move(NetlinkBatch& batch, const std::string& name, const std::string& inside, int index,
               NetworkNamespace target) {
  batch.begin(RTM_NEWLINK, 0, fmt::format("move network device '{}' into the container as '{}'", name, inside));
  ifinfomsg header{};
  header.ifi_index = index;
  batch.header(header);
  batch.attribute(IFLA_IFNAME, inside);
  if (target.fd >= 0)
    batch.attribute_u32(IFLA_NET_NS_FD, static_cast<uint32_t>(target.fd));
  else
    batch.attribute_u32(IFLA_NET_NS_PID, static_cast<uint32_t>(target.pid));
}

void plan_set_up(NetlinkBatch& batch, const std::string& name, int index,
                 const std::vector<DeviceAddress>& addresses) {
  batch.begin(RTM_NEWLINK, 0, fmt::format("bring up '{}'", name));
  ifinfomsg link{};
  link.ifi_index = index;
  link.ifi_flags = link.ifi_change = IFF_UP;
  batch.header(link);
  for (const DeviceAddress& address : addresses) {
    batch.begin(RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, fmt::format("give '{}' its address", name));
    ifaddrmsg header = address.header;
    header.ifa_index = static_cast<uint32_t>(index);
    header.ifa_flags = 0;
    batch.header(header);
    for (const auto& [type, bytes] : {std::pair(IFA_ADDRESS, &address.address),
                                      std::pair(IFA_LOCAL, &address.local),
                                      std::pair(IFA_BROADCAST, &address.broadcast)})
      if (!bytes->empty()) batch.attribute(static_cast<uint16_t>(type), bytes->data(), bytes->size());
  }
}

// In the target's namespace for as long as it lives.
class Visit {
 public:
  explicit Visit(NetworkNamespace target)
      : home_(sys::open_at(AT_FDCWD, "/proc/self/ns/net", O_RDONLY)) {
    sys::UniqueFd opened;
    if (target.fd < 0)
      opened = sys::open_at(AT_FDCWD, fmt::format("/proc/{}/ns/net", target.pid), O_RDONLY);
    sys::check(::setns(target.fd >= 0 ? target.fd : opened.get(), CLONE_NEWNET),
               "setns into the network namespace");
  }
  // To go on in a container's namespace would be the host's end of all safety.
  ~Visit() {
    if (::setns(home_.get(), CLONE_NEWNET) < 0) std::abort();
  }
  Visit(const Visit&) = delete;
  Visit& operator=(const Visit&) = delete;

 private:
  sys::UniqueFd home_;
};

}  // namespace

void move_network_devices(const std::map<std::string, std::string>& devices,
                          NetworkNamespace target) {
  if (devices.empty()) return;
  std::map<std::string, std::vector<DeviceAddress>> addresses;
  NetlinkSocket socket;
  NetlinkBatch moves;
  for (const auto& [name, inside] : devices) {
    const int index = socket.find_index(name);
    if (index == 0)
      throw sys::Error(sys::ErrorKind::not_found,
                       fmt::format("config.json: linux.netDevices: there is no network device '{}'", name));
    addresses[inside] = list_addresses(socket, index);
    plan_move(moves, name, inside, index, target);
  }
  socket.execute(moves);
  const Visit visit(target);
  NetlinkSocket inner;
  NetlinkBatch set_up;
  // The index is another one there if its own was taken.
  for (const auto& [inside, list] : addresses)
    plan_set_up(set_up, inside, inner.find_index(inside), list);
  inner.execute(set_up);
}

}  // namespace ctr::runtime
