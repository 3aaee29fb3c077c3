// One client's connection: a blocking socket read and written with deadlines. Owned by its thread.
#pragma once

#include <sys/uio.h>

#include <chrono>
#include <string_view>

#include "runtime/sys/unique_fd.h"

namespace ctr::daemon {

class Connection {
 public:
  using Clock = std::chrono::steady_clock;
  enum class Wait { ready, timeout, closed };

  explicit Connection(sys::UniqueFd socket) : socket_(std::move(socket)) {}

  int descriptor() const { return socket_.get(); }
  sys::UniqueFd release() { return std::move(socket_); }

  // Until when reads may wait; Clock::time_point::max() is for ever.
  void read_until(Clock::time_point deadline) { read_deadline_ = deadline; }
  // How long a write may wait for the client to take something; zero is for ever.
  void write_patience(std::chrono::seconds patience) { write_patience_ = patience; }

  Wait wait_readable();
  // Bytes read; 0 at the end of the stream. Throws Error{unavailable} when the deadline passed.
  size_t read_some(void* data, size_t size);
  // False once the client is gone or did not read for too long; for ever after.
  bool write(std::string_view data);
  bool write(iovec* parts, size_t count);
  // Returns when the client has read all that was written, or the patience is over.
  void await_read(std::chrono::milliseconds patience) const;

  // The client closed its end, or the server stops.
  bool peer_closed() const;
  // Reads what still comes for a moment, so that the answer reaches a client that is still sending.
  void linger(std::chrono::milliseconds time, size_t limit);

 private:
  bool wait_writable() const;

  sys::UniqueFd socket_;
  Clock::time_point read_deadline_ = Clock::time_point::max();
  std::chrono::seconds write_patience_{0};
  bool broken_ = false;
};

}  // namespace ctr::daemon
