#include "runtime/network/netlink.h"

#include <arpa/inet.h>
#include <linux/netfilter/nfnetlink.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "runtime/sys/error.h"

namespace ctr::runtime {

using sys::Error;
using sys::ErrorKind;

namespace {

// Acknowledgements are short: a start touches no more memory than it must. Dumps come in pieces of
// up to 32 KiB if the reader has room for them.
constexpr size_t answer_size = 2 << 10;
constexpr size_t dump_size = 32 << 10;

size_t aligned(size_t size) {
  return NLMSG_ALIGN(size);
}

ErrorKind kind_of(int error_number) {
  switch (error_number) {
    case ENODEV:
    case ENXIO:
      return ErrorKind::not_found;
    case EEXIST:
    case EBUSY:
      return ErrorKind::conflict;
    case EPERM:
    case EACCES:
      return ErrorKind::forbidden;
    default:
      return ErrorKind::internal;
  }
}

// What the kernel says in words besides the number (NETLINK_EXT_ACK), or "".
std::string explanation_in(std::span<const std::byte> answer, uint16_t flags) {
  if ((flags & NLM_F_ACK_TLVS) == 0) return "";
  // struct nlmsgerr, then (capped) only the header of our request, then attributes.
  size_t offset = aligned(sizeof(nlmsgerr));
  if (answer.size() < offset) return "";
  return NetlinkAttributes(answer.subspan(offset)).find_text(NLMSGERR_ATTR_MSG);
}

[[noreturn]] void throw_failure(const std::string& what, int error_number, std::string words) {
  std::string text = what + ": " + sys::errno_text(error_number);
  if (!words.empty()) text += " (" + words + ")";
  throw Error(kind_of(error_number), text, error_number);
}

// Calls `visit(header, payload)` for each message of a datagram.
template <class Visit>
void for_each_message(std::span<const std::byte> bytes, Visit visit) {
  while (bytes.size() >= sizeof(nlmsghdr)) {
    nlmsghdr header{};
    std::memcpy(&header, bytes.data(), sizeof header);
    if (header.nlmsg_len < sizeof header || header.nlmsg_len > bytes.size())
      throw Error(ErrorKind::internal, "netlink: the kernel's answer is cut off");
    visit(header, bytes.subspan(NLMSG_HDRLEN, header.nlmsg_len - NLMSG_HDRLEN));
    bytes = bytes.subspan(std::min(bytes.size(), aligned(header.nlmsg_len)));
  }
}

}  // namespace

// --- NetlinkBatch --------------------------------------------------------------------------------

void NetlinkBatch::append(const void* data, size_t size) {
  const auto* from = static_cast<const std::byte*>(data);
  bytes_.insert(bytes_.end(), from, from + size);
  bytes_.resize(aligned(bytes_.size()));
}

void NetlinkBatch::begin(uint16_t type, uint16_t flags, std::string what) {
  starts_.push_back(bytes_.size());
  what_.push_back(std::move(what));
  nlmsghdr header{};
  header.nlmsg_type = type;
  header.nlmsg_flags = static_cast<uint16_t>(flags | NLM_F_REQUEST);
  append(&header, sizeof header);
}

void NetlinkBatch::attribute(uint16_t type, const void* data, size_t size) {
  nlattr header{};
  header.nla_type = type;
  header.nla_len = static_cast<uint16_t>(NLA_HDRLEN + size);
  append(&header, sizeof header);
  if (size > 0) append(data, size);
}

void NetlinkBatch::attribute(uint16_t type, std::string_view text) {
  std::string terminated(text);
  attribute(type, terminated.c_str(), terminated.size() + 1);
}

namespace {

nfgenmsg transaction_header(uint8_t subsystem) {
  nfgenmsg header{};
  header.version = NFNETLINK_V0;
  header.res_id = htons(subsystem);
  return header;
}

}  // namespace

void NetlinkBatch::begin_transaction(uint8_t subsystem) {
  begin(NFNL_MSG_BATCH_BEGIN, 0, "begin a transaction of the firewall");
  header(transaction_header(subsystem));
}

void NetlinkBatch::end_transaction(uint8_t subsystem) {
  begin(NFNL_MSG_BATCH_END, 0, "end a transaction of the firewall");
  header(transaction_header(subsystem));
  ends_transaction_ = true;
}

size_t NetlinkBatch::begin_nest(uint16_t type) {
  size_t position = bytes_.size();
  attribute(static_cast<uint16_t>(type | NLA_F_NESTED), nullptr, 0);
  return position;
}

void NetlinkBatch::end_nest(size_t nest) {
  auto length = static_cast<uint16_t>(bytes_.size() - nest);
  std::memcpy(bytes_.data() + nest + offsetof(nlattr, nla_len), &length, sizeof length);
}

std::span<const std::byte> NetlinkBatch::finish(uint32_t first_sequence) {
  for (size_t i = 0; i < starts_.size(); ++i) {
    bool last = i + 1 == starts_.size();
    size_t end = last ? bytes_.size() : starts_[i + 1];
    nlmsghdr header{};
    std::memcpy(&header, bytes_.data() + starts_[i], sizeof header);
    header.nlmsg_len = static_cast<uint32_t>(end - starts_[i]);
    header.nlmsg_seq = first_sequence + static_cast<uint32_t>(i);
    if (i == acknowledged()) header.nlmsg_flags |= NLM_F_ACK;
    std::memcpy(bytes_.data() + starts_[i], &header, sizeof header);
  }
  return bytes_;
}

// --- received messages ---------------------------------------------------------------------------

std::optional<std::span<const std::byte>> NetlinkAttributes::find(uint16_t type) const {
  std::span<const std::byte> rest = bytes_;
  while (rest.size() >= sizeof(nlattr)) {
    nlattr header{};
    std::memcpy(&header, rest.data(), sizeof header);
    if (header.nla_len < sizeof header || header.nla_len > rest.size()) return std::nullopt;
    if ((header.nla_type & NLA_TYPE_MASK) == type)
      return rest.subspan(NLA_HDRLEN, header.nla_len - NLA_HDRLEN);
    rest = rest.subspan(std::min(rest.size(), aligned(header.nla_len)));
  }
  return std::nullopt;
}

std::optional<uint32_t> NetlinkAttributes::find_u32(uint16_t type) const {
  auto bytes = find(type);
  if (!bytes || bytes->size() < sizeof(uint32_t)) return std::nullopt;
  uint32_t value = 0;
  std::memcpy(&value, bytes->data(), sizeof value);
  return value;
}

std::string NetlinkAttributes::find_text(uint16_t type) const {
  auto bytes = find(type);
  if (!bytes) return "";
  const char* text = reinterpret_cast<const char*>(bytes->data());
  return std::string(text, ::strnlen(text, bytes->size()));
}

void NetlinkMessage::copy_header(void* to, size_t size) const {
  if (payload.size() < size)
    throw Error(ErrorKind::internal, "netlink: the kernel's answer is too short");
  std::memcpy(to, payload.data(), size);
}

// --- NetlinkSocket -------------------------------------------------------------------------------

NetlinkSocket::NetlinkSocket(int protocol)
    : socket_(
          sys::check(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol), "socket netlink")),
      buffer_(answer_size) {
  // Both only make answers shorter and clearer: older kernels do without.
  int on = 1;
  (void)::setsockopt(socket_.get(), SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof on);
  (void)::setsockopt(socket_.get(), SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof on);
}

void NetlinkSocket::send(NetlinkBatch& batch) {
  first_ = sequence_;
  sequence_ += static_cast<uint32_t>(batch.size());
  std::span<const std::byte> bytes = batch.finish(first_);
  sockaddr_nl kernel{};
  kernel.nl_family = AF_NETLINK;
  sys::check(sys::retry_on_signal([&] {
               return ::sendto(socket_.get(), bytes.data(), bytes.size(), 0,
                               reinterpret_cast<const sockaddr*>(&kernel), sizeof kernel);
             }),
             "send netlink");
}

std::span<const std::byte> NetlinkSocket::receive() {
  // Only the kernel may answer: another process could send to our port, too.
  sockaddr_nl from{};
  ssize_t size = 0;
  do {
    socklen_t length = sizeof from;
    size = sys::check(sys::retry_on_signal([&] {
                        return ::recvfrom(socket_.get(), buffer_.data(), buffer_.size(), MSG_TRUNC,
                                          reinterpret_cast<sockaddr*>(&from), &length);
                      }),
                      "receive netlink");
  } while (from.nl_pid != 0);
  if (static_cast<size_t>(size) > buffer_.size())
    throw Error(ErrorKind::internal, "netlink: the kernel's answer is too long");
  return std::span<const std::byte>(buffer_).first(static_cast<size_t>(size));
}

void NetlinkSocket::execute(NetlinkBatch& batch) {
  execute(batch, [](size_t, int) { return false; });
}

void NetlinkSocket::execute(NetlinkBatch& batch, const std::function<bool(size_t, int)>& ignore) {
  if (batch.empty()) return;
  send(batch);
  const size_t last = batch.acknowledged();
  std::optional<size_t> failed;
  int error_number = 0;
  std::string words;
  // Everything up to the last acknowledgement is read even after a failure, so that the next batch
  // does not find old answers.
  for (bool done = false; !done;) {
    for_each_message(receive(), [&](const nlmsghdr& header, std::span<const std::byte> payload) {
      size_t request = header.nlmsg_seq - first_;
      if (header.nlmsg_type != NLMSG_ERROR || request >= batch.size()) return;
      nlmsgerr answer = NetlinkMessage{header.nlmsg_type, payload}.header<nlmsgerr>();
      if (answer.error != 0 && !failed && !ignore(request, -answer.error)) {
        failed = request;
        error_number = -answer.error;
        words = explanation_in(payload, header.nlmsg_flags);
      }
      if (request == last || (request == 0 && batch.begins_transaction())) done = true;
    });
  }
  if (failed) throw_failure(batch.what(*failed), error_number, words);
}

void NetlinkSocket::query(NetlinkBatch& batch,
                          const std::function<void(const NetlinkMessage&)>& receive_one) {
  buffer_.resize(dump_size);
  send(batch);
  for (bool done = false; !done;) {
    for_each_message(receive(), [&](const nlmsghdr& header, std::span<const std::byte> payload) {
      if (header.nlmsg_seq != first_ || done) return;
      if (header.nlmsg_type == NLMSG_DONE) {
        done = true;
      } else if (header.nlmsg_type == NLMSG_ERROR) {
        done = true;
        nlmsgerr answer = NetlinkMessage{header.nlmsg_type, payload}.header<nlmsgerr>();
        if (answer.error != 0)
          throw_failure(batch.what(0), -answer.error, explanation_in(payload, header.nlmsg_flags));
      } else {
        receive_one({header.nlmsg_type, payload});
      }
    });
  }
}

int NetlinkSocket::find_index(const std::string& name) const {
  ifreq request{};
  if (name.empty() || name.size() >= sizeof request.ifr_name) return 0;
  std::memcpy(request.ifr_name, name.c_str(), name.size() + 1);
  if (::ioctl(socket_.get(), SIOCGIFINDEX, &request) == 0) return request.ifr_ifindex;
  if (errno == ENODEV) return 0;
  sys::throw_errno(errno, "find link", {"'" + name + "'"});
}

}  // namespace ctr::runtime
