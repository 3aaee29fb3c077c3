// Where the repositories of a name's domain are reached, and how far that place is trusted. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "image/registry_config.h"
#include "image/url.h"

namespace ctr::image {

// When the next endpoint of the list is tried instead.
enum class FallBack {
  never,
  without_tls,     // nobody speaks TLS there: the same host by plain HTTP, if it may be
  on_any_failure,  // a mirror: whatever is wrong with it, the registry itself has the last word
};

struct Endpoint {
  Url base;  // "https://registry-1.docker.io"
  bool verify_tls = true;
  bool is_mirror = false;  // gets no credentials: they are the registry's, not its (N06)
  FallBack fall_back = FallBack::never;
};

// In the order of trying. HTTPS with verification, and nothing else, unless the host is loopback or
// listed as insecure: those are tried without verification, then without TLS (N01).
std::vector<Endpoint> plan_endpoints(std::string_view domain, const RegistryConfig& config);

// The domain of what clients call a server: "https://index.docker.io/v1/" is docker.io. Throws
// Error{invalid_argument}.
std::string registry_domain(std::string_view server);

// Whether `host` (with `port`) may be talked to without verified TLS.
bool is_insecure_host(std::string_view host, int port, const RegistryConfig& config);

// Whether a token server at `realm` may be shown credentials for `registry`: the same host, or one
// of the same organisation's domain ("auth.docker.io" for "registry-1.docker.io"). (N07)
bool may_receive_credentials(const Url& registry, const Url& realm);

}  // namespace ctr::image
