// The client's side of the Engine API: HTTP/1.1 over the daemon's Unix socket, blocking, one
// connection kept for requests and one more for each stream that outlives its request.
// Knows nothing of commands. Texts of errors are complete: they name the cause and the next step.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cli/http.h"
#include "runtime/sys/error.h"
#include "runtime/sys/unique_fd.h"

namespace ctr::cli {

// The daemon cannot be reached, or went away in the middle of a request.
class ConnectionError : public sys::Error {
 public:
  // `transient`: the daemon may just be restarting (no socket, nobody listens, connection lost).
  ConnectionError(const std::string& message, bool transient)
      : sys::Error(sys::ErrorKind::unavailable, message), transient_(transient) {}
  bool transient() const { return transient_; }

 private:
  bool transient_;
};

// The daemon answered with an error; what() is its message.
class ApiError : public sys::Error {
 public:
  ApiError(int status, const std::string& message);
  int status() const { return status_; }

 private:
  int status_;
};

// What follows "?": Query().add("all", true).add("filters", text). Values are percent-encoded.
class Query {
 public:
  Query& add(std::string_view name, std::string_view value);
  Query& add(std::string_view name, const char* value) {
    return add(name, std::string_view(value));
  }
  Query& add(std::string_view name, bool value) { return add(name, value ? "1" : "0"); }
  Query& add(std::string_view name, int64_t value) { return add(name, std::to_string(value)); }
  Query& add(std::string_view name, int value) { return add(name, std::to_string(value)); }
  // Behind a path: "" or "?all=1&limit=3".
  std::string text() const { return text_; }

 private:
  std::string text_;
};

// One piece of a path or a query: everything but letters, digits and "-._~" is encoded.
std::string percent_encode(std::string_view text);
// For image names in paths, where slashes and colons stay: "library/alpine:latest".
std::string percent_encode_path(std::string_view text);

struct Request {
  std::string method = "GET";
  std::string target;               // without version prefix: "/containers/json?all=1"
  std::optional<std::string> body = std::nullopt;  // JSON text
  std::vector<std::pair<std::string, std::string>> headers = {};
};

// The body of an answer that is still arriving, on a connection of its own.
class BodyStream {
 public:
  BodyStream(sys::UniqueFd socket, std::string preread, const ResponseHead& head);

  // Blocks for the next bytes; 0 at the end. Throws ConnectionError if the daemon goes away before.
  size_t read(char* data, size_t size);
  // The next line without its end; nullopt at the end. A last line without an end counts.
  std::optional<std::string> read_line();
  // To poll(2) beside other things; data may already be buffered: see has_buffered().
  int descriptor() const { return socket_.get(); }
  bool has_buffered() const { return line_.find('\n') != std::string::npos || body_.has_buffered(); }
  const ResponseHead& head() const { return head_; }

 private:
  sys::UniqueFd socket_;
  ResponseHead head_;
  BodyReader body_;
  std::string line_;
};

// A connection after the 101 (or 200) of attach and exec: both directions are the container's.
struct HijackedStream {
  sys::UniqueFd socket;
  std::string preread;  // came with the header, to be handled first
  bool framed = false;  // 8-byte headers (stream_demux.h); false: raw bytes of a terminal
};

class Client {
 public:
  // `host` is "unix:///path" or a path; debug: each request and status on stderr.
  explicit Client(std::string_view host, bool debug = false);

  const std::string& socket_path() const { return socket_path_; }

  // The whole answer, whatever its status is.
  Response send(const Request& request);
  // The same, but throws ApiError for 400 and above.
  Response call(const Request& request);
  // call() for what is used most.
  nlohmann::json get_json(const std::string& target);
  Response post(const std::string& target);
  nlohmann::json post_json(const std::string& target, const nlohmann::json& body);
  Response remove(const std::string& target);  // DELETE

  // Throws ApiError for 400 and above. The stream has a connection of its own.
  BodyStream open_stream(const Request& request);
  // The same with a body of any size, which `source` gives piece by piece (empty at the end). An
  // answer that comes before the body's end, an error mostly, ends the sending.
  BodyStream upload(const Request& request, const std::function<std::string_view()>& source);
  HijackedStream hijack(const std::string& target, std::optional<std::string> body = std::nullopt);
  // Sends a request on a connection of its own and leaves the answer to the caller.
  sys::UniqueFd begin(const Request& request);

  // How long answers of send() and what is made of it may take; zero (the default): for ever. A
  // late one is a transient ConnectionError.
  void set_answer_timeout(std::chrono::milliseconds timeout) { answer_timeout_ = timeout; }

 private:
  sys::UniqueFd connect() const;
  void write_request(int socket, const Request& request, bool upgrade) const;
  std::string request_head(const Request& request) const;
  BodyStream read_answer(sys::UniqueFd socket, const Request& request) const;
  Response exchange(const Request& request, bool& reused);
  void trace(const Request& request, int status) const;

  std::string socket_path_;
  bool debug_;
  std::chrono::milliseconds answer_timeout_{0};
  sys::UniqueFd idle_;  // kept alive for the next request
};

// The daemon's words in the body of an error.
std::string api_error_message(int status, const std::string& body);

// "/containers/<name>" + rest. An empty name is an error: the path would mean something else.
std::string container_target(std::string_view name, std::string_view rest);

// Parses a JSON body of the daemon; throws sys::Error where it is none.
nlohmann::json parse_body(const std::string& body);

}  // namespace ctr::cli
