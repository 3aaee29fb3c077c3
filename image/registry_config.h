// What the administrator says about registries, and who a user is there. Plain values.
#pragma once

#include <chrono>
#include <string>
#include <vector>

namespace ctr::image {

// What `docker login` keeps and sends with each request as X-Registry-Auth. Never in a message, a
// log or a record (N12).
struct Credentials {
  std::string username;
  std::string password;
  std::string identity_token;  // an OAuth2 refresh token
  std::string registry_token;  // a bearer token, used as it is

  bool empty() const {
    return username.empty() && password.empty() && identity_token.empty() && registry_token.empty();
  }
};

// From the daemon's configuration alone (N14). "http://proxy:3128", or empty: none.
struct ProxyConfig {
  std::string http;
  std::string https;
  std::string none;  // "localhost,.example.com"
};

struct RegistryTiming {
  std::chrono::milliseconds connect{10'000};
  // Less than stall_bytes in that time is no progress: the transfer is ended and tried again (N10).
  std::chrono::milliseconds stall{30'000};
  size_t stall_bytes = 1024;
  std::chrono::milliseconds request{60'000};  // a manifest or a token, all of it
  unsigned attempts = 5;                      // without progress between them
  unsigned connect_attempts = 3;              // of those, when nobody answers at all
  std::chrono::milliseconds first_delay{500};
  std::chrono::milliseconds max_delay{15'000};
  std::chrono::milliseconds max_retry_after{60'000};  // a registry that asks for more is an error
};

struct RegistryConfig {
  std::vector<std::string> insecure_registries;  // "host", "host:port", "10.0.0.0/8"
  std::vector<std::string> mirrors;              // URLs, tried before docker.io in this order
  // <directory>/<host[:port]>/ca.crt is trusted beside the system's authorities, for that host.
  std::vector<std::string> certificate_directories{"/etc/ctr/certs.d", "/etc/docker/certs.d"};
  ProxyConfig proxy;
  std::string user_agent{"ctr/" CTR_VERSION};
  RegistryTiming timing;
  unsigned parallel_layers = 3;
};

}  // namespace ctr::image
