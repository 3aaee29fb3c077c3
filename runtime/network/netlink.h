// Netlink messages built and sent by hand: ctr-monitor is static and small, and needs six kinds of
// them. See netlink(7), rtnetlink(7); linux/netlink.h has the shapes.
#pragma once

#include <linux/netlink.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/sys/unique_fd.h"

namespace ctr::runtime {

// Several requests that go to the kernel in one sendmsg(2), which carries them out in order before
// it returns. Pure: only builds bytes.
class NetlinkBatch {
 public:
  // Begins a request; `what` names it in an error ("create link 'veth1'"). The requests' kinds are
  // RTM_…; NLM_F_REQUEST is added.
  void begin(uint16_t type, uint16_t flags, std::string what);
  // The request's fixed header: struct ifinfomsg, ifaddrmsg, rtmsg …
  template <class Header>
  void header(const Header& value) {
    append(&value, sizeof value);
  }
  void attribute(uint16_t type, const void* data, size_t size);
  void attribute(uint16_t type,
                 std::string_view text);  // with the ending NUL that the kernel wants
  void attribute_u8(uint16_t type, uint8_t value) { attribute(type, &value, sizeof value); }
  void attribute_u16(uint16_t type, uint16_t value) { attribute(type, &value, sizeof value); }
  void attribute_u32(uint16_t type, uint32_t value) { attribute(type, &value, sizeof value); }

  // Requests to nftables come in transactions, all of them carried out or none: what is begun
  // between these two (linux/netfilter/nfnetlink.h). The end is acknowledged by newer kernels only,
  // so the request before it is.
  void begin_transaction(uint8_t subsystem);
  void end_transaction(uint8_t subsystem);

  // Attributes inside an attribute: everything up to end_nest(begin_nest(…)) is its payload.
  [[nodiscard]] size_t begin_nest(uint16_t type);
  void end_nest(size_t nest);

  bool empty() const { return starts_.empty(); }
  size_t size() const { return starts_.size(); }
  const std::string& what(size_t request) const { return what_[request]; }
  // The request whose acknowledgement says that all is done.
  size_t acknowledged() const { return starts_.size() - (ends_transaction_ ? 2 : 1); }
  // The kernel does not look at what follows a transaction's beginning that it refuses.
  bool begins_transaction() const { return ends_transaction_; }
  // The bytes to send: each request numbered from `first_sequence`. Only the last asks for an
  // acknowledgement: the kernel answers failures unasked, and in order.
  std::span<const std::byte> finish(uint32_t first_sequence);

 private:
  void append(const void* data, size_t size);
  nlmsghdr header_at(size_t position) const;

  std::vector<std::byte> bytes_;
  std::vector<size_t> starts_;
  std::vector<std::string> what_;
  bool ends_transaction_ = false;
};

// Attributes of a received message, looked up by type; a view into the message.
class NetlinkAttributes {
 public:
  explicit NetlinkAttributes(std::span<const std::byte> bytes) : bytes_(bytes) {}
  // nullopt if it is not there, or if the message ends before it does.
  std::optional<std::span<const std::byte>> find(uint16_t type) const;
  std::optional<uint32_t> find_u32(uint16_t type) const;
  std::string find_text(uint16_t type) const;  // without the NUL; empty if not there

 private:
  std::span<const std::byte> bytes_;
};

// One received message: its kind and what follows struct nlmsghdr.
struct NetlinkMessage {
  uint16_t type = 0;
  std::span<const std::byte> payload;

  // The fixed header; throws if the message is shorter.
  template <class Header>
  Header header() const {
    Header value{};
    copy_header(&value, sizeof value);
    return value;
  }
  template <class Header>
  NetlinkAttributes attributes() const {
    return NetlinkAttributes(
        payload.subspan(std::min(payload.size(), NLMSG_ALIGN(sizeof(Header)))));
  }

 private:
  void copy_header(void* to, size_t size) const;
};

// A netlink socket of the network namespace that the caller is in when it makes it; NETLINK_ROUTE
// but for who asks the firewall.
class NetlinkSocket {
 public:
  explicit NetlinkSocket(int protocol = NETLINK_ROUTE);

  // Sends the batch; throws for the first request that failed, as Error{not_found} (no such
  // device), {conflict} (exists, busy), {forbidden} or {internal}, with the kernel's own words if
  // it had any. Requests behind a failed one are carried out all the same.
  void execute(NetlinkBatch& batch);
  // As execute, but requests for which `ignore(index, errno)` says so may fail.
  void execute(NetlinkBatch& batch, const std::function<bool(size_t, int)>& ignore);

  // Sends a batch of one request and passes each message of the answer on: a dump (NLM_F_DUMP), or
  // one object.
  void query(NetlinkBatch& batch, const std::function<void(const NetlinkMessage&)>& receive);

  // if_nametoindex without a second socket; 0 if there is no such link.
  int find_index(const std::string& name) const;

 private:
  void send(NetlinkBatch& batch);
  std::span<const std::byte> receive();

  sys::UniqueFd socket_;
  uint32_t sequence_ = 1;
  uint32_t first_ = 0;  // of the batch under way
  std::vector<std::byte> buffer_;
};

}  // namespace ctr::runtime
