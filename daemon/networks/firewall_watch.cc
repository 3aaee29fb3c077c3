#include "daemon/networks/firewall_watch.h"

#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <array>
#include <cstring>

#include "daemon/networks/firewall.h"
#include "runtime/network/netlink.h"
#include "runtime/sys/error.h"

namespace ctr::daemon {

namespace {

// A flush reports each rule by itself, and who reloads his rules is not done with the first: all
// that comes within this time is one change.
constexpr int settle_milliseconds = 50;

sys::UniqueFd subscribe() {
  sys::UniqueFd socket(
      ::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_NETFILTER));
  sockaddr_nl address{};
  address.nl_family = AF_NETLINK;
  address.nl_groups = 1 << (NFNLGRP_NFTABLES - 1);
  if (!socket || ::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) < 0)
    return {};
  return socket;
}

bool is_deletion(uint16_t type) {
  if (type >> 8 != NFNL_SUBSYS_NFTABLES) return false;
  const int message = type & 0xff;
  return message == NFT_MSG_DELTABLE || message == NFT_MSG_DELCHAIN || message == NFT_MSG_DELRULE;
}

// The table's name has the same number in messages about tables, chains and rules.
static_assert(int{NFTA_TABLE_NAME} == int{NFTA_CHAIN_TABLE} && int{NFTA_TABLE_NAME} == int{NFTA_RULE_TABLE});

bool concerns_us(std::span<const std::byte> bytes) {
  while (bytes.size() >= sizeof(nlmsghdr)) {
    nlmsghdr header{};
    std::memcpy(&header, bytes.data(), sizeof header);
    if (header.nlmsg_len < sizeof header || header.nlmsg_len > bytes.size()) return false;
    const runtime::NetlinkMessage message{header.nlmsg_type,
                                          bytes.first(header.nlmsg_len).subspan(NLMSG_HDRLEN)};
    if (is_deletion(header.nlmsg_type) &&
        message.attributes<nfgenmsg>().find_text(NFTA_TABLE_NAME).starts_with(table_name("")))
      return true;
    bytes = bytes.subspan(std::min<size_t>(bytes.size(), NLMSG_ALIGN(header.nlmsg_len)));
  }
  return false;
}

}  // namespace

FirewallWatch::FirewallWatch(std::function<void()> restore)
    : restore_(std::move(restore)),
      changes_(subscribe()),
      stop_(sys::check(::eventfd(0, EFD_CLOEXEC), "eventfd")) {
  if (!changes_) return;
  thread_ = std::thread([this] { run(); });
  ::pthread_setname_np(thread_.native_handle(), "firewall");
}

FirewallWatch::~FirewallWatch() {
  if (!thread_.joinable()) return;
  ::eventfd_write(stop_.get(), 1);
  thread_.join();
}

// Whether there is something to read; false, too, after `timeout` milliseconds (-1: none) or when
// it is time to stop.
bool FirewallWatch::wait(int timeout) {
  std::array<pollfd, 2> items{{{stop_.get(), POLLIN, 0}, {changes_.get(), POLLIN, 0}}};
  while (::poll(items.data(), items.size(), timeout) < 0) {
  }
  return items[0].revents == 0 && items[1].revents != 0;
}

// Whether one of the changes that wait to be read may have been to our tables.
bool FirewallWatch::read_changes() {
  std::array<std::byte, 32 << 10> buffer{};
  bool ours = false;
  while (true) {
    sockaddr_nl from{};
    socklen_t length = sizeof from;
    const ssize_t size = ::recvfrom(changes_.get(), buffer.data(), buffer.size(), 0,
                                    reinterpret_cast<sockaddr*>(&from), &length);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0 && errno == ENOBUFS)
      ours = true;  // more came than there was room for
    else if (size < 0)
      return ours;
    else if (from.nl_pid == 0)  // only the kernel is believed
      ours |= concerns_us(std::span(buffer).first(static_cast<size_t>(size)));
  }
}

void FirewallWatch::run() {
  while (wait(-1)) {
    bool ours = read_changes();
    if (!ours) continue;
    while (wait(settle_milliseconds)) read_changes();
    restore_();
  }
}

}  // namespace ctr::daemon
