#include "runtime/launch_channel.h"

#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

#include "runtime/sys/socket.h"

namespace ctr::runtime {

namespace {

// One packet. Both sides are the same program: no version, no byte order.
struct Packet {
  Step step = Step::failure;
  sys::ErrorKind kind = sys::ErrorKind::internal;
  int32_t error_number = 0;
  int32_t exit_code = 0;
  char stage[64] = {};
  char message[1024] = {};
};

void copy_text(char* target, size_t size, const std::string& text) {
  size_t length = std::min(size - 1, text.size());
  std::memcpy(target, text.data(), length);
  target[length] = 0;
}

// False at the end of the stream.
bool receive(int socket, Packet& packet, sys::UniqueFd& descriptor) {
  iovec part{&packet, sizeof packet};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))];
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  header.msg_control = control;
  header.msg_controllen = sizeof control;
  auto read = [&] {
    return sys::retry_on_signal([&] { return ::recvmsg(socket, &header, MSG_CMSG_CLOEXEC); });
  };
  ssize_t count = read();
  // A peer that exits with messages of ours unread resets the connection. That is reported once and
  // before what it had sent: its failure is still in the queue.
  if (count < 0 && errno == ECONNRESET) count = read();
  if (count == 0 || (count < 0 && errno == ECONNRESET)) return false;
  sys::check(count, "recvmsg");
  if (cmsghdr* item = CMSG_FIRSTHDR(&header);
      item != nullptr && item->cmsg_level == SOL_SOCKET && item->cmsg_type == SCM_RIGHTS) {
    int fd = -1;
    std::memcpy(&fd, CMSG_DATA(item), sizeof fd);
    descriptor.reset(fd);
  }
  packet.stage[sizeof packet.stage - 1] = 0;
  packet.message[sizeof packet.message - 1] = 0;
  return true;
}

void transmit(int socket, const Packet& packet, int descriptor) {
  iovec part{const_cast<Packet*>(&packet), sizeof packet};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))]{};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  if (descriptor >= 0) {
    header.msg_control = control;
    header.msg_controllen = sizeof control;
    cmsghdr* item = CMSG_FIRSTHDR(&header);
    item->cmsg_level = SOL_SOCKET;
    item->cmsg_type = SCM_RIGHTS;
    item->cmsg_len = CMSG_LEN(sizeof descriptor);
    std::memcpy(CMSG_DATA(item), &descriptor, sizeof descriptor);
  }
  sys::check(sys::retry_on_signal([&] { return ::sendmsg(socket, &header, MSG_NOSIGNAL); }),
             "sendmsg");
}

[[noreturn]] void rethrow(const Packet& packet) {
  throw LaunchError(packet.kind, packet.stage, packet.message, packet.exit_code);
}

}  // namespace

namespace {

[[noreturn]] void throw_died() {
  throw LaunchError(sys::ErrorKind::internal, "start",
                    "the container's first process died while it was being set up", engine_failed);
}

// The peer has ended: why, it said before that, and nobody has read it yet.
[[noreturn]] void throw_last_words_at(int socket) {
  Packet packet;
  sys::UniqueFd descriptor;
  while (receive(socket, packet, descriptor))
    if (packet.step == Step::failure) rethrow(packet);
  throw_died();
}

}  // namespace

void LaunchChannel::send(Step step, int descriptor) const {
  Packet packet;
  packet.step = step;
  try {
    transmit(socket_.get(), packet, descriptor);
  } catch (const sys::Error& error) {
    if (error.error_number() != EPIPE && error.error_number() != ECONNRESET) throw;
    throw_last_words_at(socket_.get());
  }
}

void LaunchChannel::send_failure(const std::string& stage, const sys::Error& error,
                                 int exit_code) const noexcept {
  try {
    Packet packet;
    packet.kind = error.kind();
    packet.error_number = error.error_number();
    packet.exit_code = exit_code;
    copy_text(packet.stage, sizeof packet.stage, stage);
    copy_text(packet.message, sizeof packet.message, error.what());
    transmit(socket_.get(), packet, -1);
  } catch (const std::exception&) {
    // The host side is gone; our exit status is all that is left.
  }
}

void LaunchChannel::wait_for_message() const {
  if (patience_ < 0) return;
  pollfd item{socket_.get(), POLLIN, 0};
  if (sys::retry_on_signal([&] { return ::poll(&item, 1, patience_); }) == 0)
    throw LaunchError(sys::ErrorKind::conflict, "start",
                      "the process did not get ready in time; is the container paused?", 126);
}

sys::UniqueFd LaunchChannel::expect(Step step) const {
  wait_for_message();
  Packet packet;
  sys::UniqueFd descriptor;
  if (!receive(socket_.get(), packet, descriptor)) throw_died();
  if (packet.step == Step::failure) rethrow(packet);
  if (packet.step != step)
    throw sys::Error(sys::ErrorKind::internal,
                     fmt::format("launch protocol: expected step {}, got {}",
                                 static_cast<uint32_t>(step), static_cast<uint32_t>(packet.step)));
  return descriptor;
}

void LaunchChannel::expect_end() const {
  wait_for_message();
  Packet packet;
  sys::UniqueFd descriptor;
  if (!receive(socket_.get(), packet, descriptor)) return;
  if (packet.step == Step::failure) rethrow(packet);
  throw sys::Error(sys::ErrorKind::internal, "launch protocol: a message after the start");
}

void LaunchChannel::throw_last_words() const { throw_last_words_at(socket_.get()); }

bool LaunchChannel::peer_gone() const {
  pollfd item{socket_.get(), POLLRDHUP, 0};
  return ::poll(&item, 1, 0) > 0 && (item.revents & (POLLHUP | POLLRDHUP | POLLERR)) != 0;
}

std::pair<LaunchChannel, LaunchChannel> make_launch_channel() {
  auto [host, init] = sys::socket_pair(SOCK_SEQPACKET);
  return {LaunchChannel(std::move(host)), LaunchChannel(std::move(init))};
}

}  // namespace ctr::runtime
