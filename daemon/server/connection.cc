#include "daemon/server/connection.h"

#include <linux/sockios.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <climits>
#include <thread>

#include "runtime/sys/error.h"

namespace ctr::daemon {

using sys::Error;
using sys::ErrorKind;

namespace {

int milliseconds_until(Connection::Clock::time_point deadline) {
  if (deadline == Connection::Clock::time_point::max()) return -1;
  auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Connection::Clock::now());
  return static_cast<int>(std::clamp<int64_t>(left.count(), 0, INT_MAX));
}

// Takes `sent` bytes off the front of what is left to write.
void advance(iovec*& parts, size_t& count, size_t sent) {
  while (count > 0 && sent >= parts->iov_len) {
    sent -= parts->iov_len;
    ++parts;
    --count;
  }
  if (count == 0) return;
  parts->iov_base = static_cast<char*>(parts->iov_base) + sent;
  parts->iov_len -= sent;
}

}  // namespace

Connection::Wait Connection::wait_readable() {
  pollfd item{socket_.get(), POLLIN, 0};
  int ready = sys::check(
      sys::retry_on_signal([&] { return ::poll(&item, 1, milliseconds_until(read_deadline_)); }),
      "poll");
  if (ready == 0) return Wait::timeout;
  char byte = 0;
  ssize_t peeked = ::recv(socket_.get(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  return peeked > 0 ? Wait::ready : Wait::closed;
}

size_t Connection::read_some(void* data, size_t size) {
  while (true) {
    ssize_t count = ::recv(socket_.get(), data, size, MSG_DONTWAIT);
    if (count >= 0) return static_cast<size_t>(count);
    if (errno == ECONNRESET || errno == EPIPE) return 0;
    if (errno == EINTR) continue;
    if (errno != EAGAIN) sys::check(count, "recv");
    pollfd item{socket_.get(), POLLIN, 0};
    int ready = ::poll(&item, 1, milliseconds_until(read_deadline_));
    if (ready == 0) throw Error(ErrorKind::unavailable, "timed out waiting for the request");
  }
}

bool Connection::wait_writable() const {
  pollfd item{socket_.get(), POLLOUT, 0};
  int patience =
      write_patience_.count() == 0 ? -1 : static_cast<int>(write_patience_.count()) * 1000;
  int ready = sys::retry_on_signal([&] { return ::poll(&item, 1, patience); });
  return ready > 0 && (item.revents & (POLLERR | POLLHUP | POLLNVAL)) == 0;
}

bool Connection::write(iovec* parts, size_t count) {
  while (count > 0 && !broken_) {
    msghdr message{};
    message.msg_iov = parts;
    message.msg_iovlen = count;
    ssize_t sent = ::sendmsg(socket_.get(), &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent >= 0)
      advance(parts, count, static_cast<size_t>(sent));
    else if (errno == EAGAIN)
      broken_ = !wait_writable();
    else if (errno != EINTR)
      broken_ = true;
  }
  return !broken_;
}

bool Connection::write(std::string_view data) {
  iovec part{const_cast<char*>(data.data()), data.size()};
  return write(&part, 1);
}

void Connection::await_read(std::chrono::milliseconds patience) const {
  const Clock::time_point deadline = Clock::now() + patience;
  int unread = 0;
  while (::ioctl(socket_.get(), SIOCOUTQ, &unread) == 0 && unread > 0 && Clock::now() < deadline)
    std::this_thread::sleep_for(std::chrono::microseconds(20));
}

bool Connection::peer_closed() const {
  if (broken_) return true;
  pollfd item{socket_.get(), POLLRDHUP, 0};
  return ::poll(&item, 1, 0) > 0;
}

void Connection::linger(std::chrono::milliseconds time, size_t limit) {
  ::shutdown(socket_.get(), SHUT_WR);
  read_until(Clock::now() + time);
  char sink[16384];
  while (limit > 0 && wait_readable() == Wait::ready) {
    ssize_t count = ::recv(socket_.get(), sink, std::min(limit, sizeof sink), MSG_DONTWAIT);
    if (count <= 0) return;
    limit -= static_cast<size_t>(count);
  }
}

}  // namespace ctr::daemon
