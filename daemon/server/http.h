// HTTP/1.1 on one connection: reads requests, lets the routes answer, until the client or the
// server has enough. The only place that knows Boost.Beast, whose parser it uses, and nothing else
// of it. Runs in: ctrd, on the connection's own thread.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "daemon/server/connection.h"
#include "daemon/server/exchange.h"

namespace ctr::daemon {

struct HttpLimits {
  size_t header_bytes = 64 << 10;   // request line and fields: 431 beyond
  size_t json_bytes = 16 << 20;     // of body_json: 413 beyond
  std::chrono::seconds idle{180};   // between two requests
  std::chrono::seconds header{20};  // from a request's first byte to the end of its header
  std::chrono::seconds json_body{60};
  std::chrono::seconds body_pause{600};  // a large body may stall that long
  std::chrono::seconds write_pause{60};  // an answer that nobody reads; streams may wait for ever
};

struct HttpContext {
  const Router& router;
  HttpLimits limits{};
  std::vector<std::pair<std::string, std::string>> headers{};  // on every answer
  // The connection waits for its next request (true) or has one (false); returning false closes it.
  std::function<bool(bool idle)> on_idle{};
  // A request was answered, or died with an error: for the log. `error` is empty where all was
  // well.
  std::function<void(const std::string& request, int status, const std::string& error)> on_answer{};
  // The connection was given away by hijack(): its descriptor is no longer the server's.
  std::function<void()> on_hijack{};
};

// Returns when the connection is to be closed, or was hijacked. Never throws.
void serve_connection(Connection& connection, const HttpContext& context) noexcept;

}  // namespace ctr::daemon
