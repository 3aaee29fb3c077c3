// One HTTP exchange on libcurl: no redirects, no credentials of its own accord, everything bounded.
// What a redirect or a 401 means is registry_client's to decide. Runs in: ctrd. Thread-safe; idle
// connections are kept for the next request.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "image/registry_config.h"
#include "image/registry_error.h"
#include "image/url.h"

namespace ctr::image {

// A body that is a file, or nothing: read from its beginning each time.
struct UploadFile {
  int file = -1;
  uint64_t size = 0;  // bytes
};

struct HttpRequest {
  std::string method{"GET"};  // or HEAD, POST, PUT, DELETE
  Url url;
  std::vector<std::string> headers;      // "Accept: …"
  std::string authorization;             // the value of Authorization, or empty
  std::string form;                      // the body of a POST or a PUT, where it is no file
  UploadFile upload{};                   // the body of a PUT
  std::function<void(uint64_t)> sent{};  // told how many bytes of it have gone; may throw
  bool verify_tls = true;
  std::string ca_file;  // trusted beside the system's
  // A registry sent us there: not to this host's own services, and not to a cloud's metadata (N05).
  bool public_addresses_only = false;
  size_t body_limit = 64 << 10;  // of what is kept in HttpResponse::body
};

struct HttpResponse {
  long status = 0;
  std::vector<std::pair<std::string, std::string>> headers;  // names in lower case
  std::string body;                                          // unless it went to the sink

  std::optional<std::string> find_header(std::string_view name) const;  // the first
};

// Gets the body of a success (200, 206) in pieces; may throw, which ends the transfer.
using BodySink = std::function<void(const HttpResponse& head, std::string_view piece)>;

class HttpClient {
 public:
  explicit HttpClient(const RegistryConfig& config);
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  // Throws TransferError, Cancelled (within a second of the stop), or what the sink threw. With a
  // sink the transfer may last as long as it makes progress, without one RegistryTiming::request.
  HttpResponse perform(const HttpRequest& request, std::stop_token stop, const BodySink& sink = {});

 private:
  struct Handle;
  std::unique_ptr<Handle> take_handle();
  void give_back(std::unique_ptr<Handle> handle);

  const RegistryConfig& config_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<Handle>> idle_;
};

}  // namespace ctr::image
