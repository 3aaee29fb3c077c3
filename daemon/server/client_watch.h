// Stops work on a client's behalf when the client has gone: for calls that take a stop_token and do
// not look at the connection themselves. A thread of its own, for as long as the object lives.
#pragma once

#include <stop_token>
#include <thread>

#include "daemon/server/exchange.h"
#include "runtime/sys/unique_fd.h"

namespace ctr::daemon {

class ClientWatch {
 public:
  explicit ClientWatch(const Exchange& exchange);
  ~ClientWatch();
  ClientWatch(const ClientWatch&) = delete;
  ClientWatch& operator=(const ClientWatch&) = delete;

  // Requested once the client closed its end or the daemon stops.
  std::stop_token token() const { return gone_.get_token(); }

 private:
  std::stop_source gone_;
  sys::UniqueFd end_;  // eventfd: the destructor runs
  std::thread thread_;
};

}  // namespace ctr::daemon
