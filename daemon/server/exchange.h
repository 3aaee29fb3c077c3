// One HTTP request of a client and its answer, as the routes see it. Lives on its connection's
// thread: every call may block. Nothing here knows what the routes are about.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include <compare>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/sys/unique_fd.h"

namespace ctr::daemon {

struct ApiVersion {
  int major = 1;
  int minor = 51;
  auto operator<=>(const ApiVersion&) const = default;
};
inline constexpr ApiVersion max_api_version{1, 51};
inline constexpr ApiVersion min_api_version{1, 24};

// A body that is written piece by piece (chunked), each piece flushed. The client's going away
// shows as write() returning false, and as client_gone().
class ResponseStream {
 public:
  virtual ~ResponseStream() = default;
  virtual bool write(std::string_view data) = 0;
  // True once the client closed its end; cheap, does not block.
  virtual bool client_gone() = 0;
  // The connection's descriptor, to poll(2) for POLLRDHUP beside what the route waits for.
  virtual int descriptor() const = 0;
};

// The client's connection itself, after the 101 (or 200) was sent.
struct HijackedConnection {
  sys::UniqueFd socket;  // blocking
  std::string preread;   // what the client sent behind its header and we have read already
};

class Exchange {
 public:
  virtual ~Exchange() = default;

  // --- the request ---
  virtual const std::string& method() const = 0;
  virtual ApiVersion version() const = 0;
  // A named piece of the route's pattern: "/containers/{id}/json" has "id". Percent-decoded.
  virtual std::string parameter(std::string_view name) const = 0;
  // The query: the first value; nullopt if not there. Percent-decoded.
  virtual std::optional<std::string> query(std::string_view name) const = 0;
  virtual std::vector<std::string> query_all(std::string_view name) const = 0;
  // Docker's rule: "", "0", "no", "false", "none" in any case are false, all else is true.
  virtual bool query_bool(std::string_view name, bool otherwise = false) const = 0;
  // Throws Error{invalid_argument} if it is there and not a number.
  virtual std::optional<int64_t> query_int(std::string_view name) const = 0;
  virtual std::optional<std::string> header(std::string_view name) const = 0;
  // The whole body as JSON (limit 16 MiB, depth 128): an object, or {} for an empty body. Throws
  // Error{invalid_argument}. Keys are as the client wrote them: look them up with api/json.h.
  virtual nlohmann::json body_json() = 0;
  // A large body, read piece by piece: returns 0 at the end. Answers Expect: 100-continue first.
  virtual size_t read_body(char* data, size_t size) = 0;

  // While no answer has begun: whether the client closed its end, and the connection's descriptor
  // to poll(2) for POLLRDHUP.
  virtual bool client_gone() const { return false; }
  virtual int descriptor() const { return -1; }

  // --- the answer: exactly one of these ---
  virtual void respond(int status, std::string_view content_type, std::string_view body) = 0;
  virtual void respond_json(int status, const nlohmann::json& body) = 0;
  virtual void respond_empty(int status) = 0;                        // 204, 304 …
  virtual void add_header(std::string name, std::string value) = 0;  // before the answer
  // Sends the header at once (Docker's clients wait for it), then leaves the body to the caller.
  virtual std::unique_ptr<ResponseStream> respond_stream(int status,
                                                         std::string_view content_type) = 0;
  // Sends "101 UPGRADED" where the client asked to upgrade, else "200 OK", and gives the connection
  // away: the server forgets it. `framed` chooses the content type (multiplexed or raw stream).
  virtual HijackedConnection hijack(bool framed) = 0;
  // The same for a client that speaks websocket; `accept` is the answer to its key
  // (daemon/websocket.h).
  virtual HijackedConnection hijack_websocket(std::string_view accept) = 0;
};

using Handler = std::function<void(Exchange&)>;

// The one table of routes. Patterns are without version prefix: "/containers/{id}/json"; a
// "{name:*}" piece takes the rest, slashes and all, up to a following literal
// ("/images/{name:*}/json").
class Router {
 public:
  void add(std::string method, std::string pattern, Handler handler);

  struct Match {
    const Handler* handler = nullptr;
    std::vector<std::pair<std::string, std::string>> parameters;
    bool path_known = false;  // the path exists under another method: 405
  };
  Match find(std::string_view method, std::string_view path) const;

 private:
  struct Route {
    std::string method;
    std::vector<std::string> pattern;
    Handler handler;
  };
  std::vector<Route> routes_;
};

}  // namespace ctr::daemon
