// A client attached to a process: `docker attach`, `docker exec`, the first terminal of `ctr run`.
// The connection was passed on by ctrd, which is no longer in the data path. runs in: ctr-monitor.
#pragma once

#include <string>
#include <string_view>

#include "runtime/monitor/detach_keys.h"
#include "runtime/monitor/log_writer.h"
#include "runtime/monitor_protocol.h"
#include "runtime/sys/unique_fd.h"

namespace ctr::runtime {

class Client {
 public:
  Client(sys::UniqueFd socket, AttachOptions options, bool terminal,
         const std::string& default_detach_keys);

  int descriptor() const { return socket_.get(); }
  bool wants(Stream stream) const;
  bool gives_input() const { return options_.stdin_stream && !input_ended_; }
  bool input_ended() const { return input_ended_; }
  bool gone() const { return gone_; }
  // More output would only pile up: the process is made to wait (as with a slow pipe).
  bool is_full() const { return pending_.size() >= pending_limit; }
  bool has_pending() const { return !pending_.empty(); }

  void send(Stream stream, std::string_view output);
  void flush();
  // Reads what the client typed; the detach keys end the connection. Empty if nothing came.
  std::string receive();
  // What came behind the request's header, before this connection was ours.
  std::string take_preread();
  void leave() { gone_ = true; }

 private:
  static constexpr size_t pending_limit = 256 * 1024;

  sys::UniqueFd socket_;
  AttachOptions options_;
  bool terminal_;
  DetachScanner scanner_;
  std::string pending_;
  bool input_ended_ = false;
  bool gone_ = false;
};

}  // namespace ctr::runtime
