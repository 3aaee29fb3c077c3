#include "image/registry_endpoint.h"

#include <algorithm>

#include "image/reference.h"
#include "runtime/sys/error.h"

namespace ctr::image {

namespace {

constexpr std::string_view docker_hub = "docker.io";
constexpr std::string_view docker_hub_host = "registry-1.docker.io";

Endpoint mirror_endpoint(std::string_view text, const RegistryConfig& config) {
  Endpoint mirror;
  mirror.base = parse_url(text.ends_with('/') ? text.substr(0, text.size() - 1) : text);
  mirror.verify_tls = !is_insecure_host(mirror.base.host, mirror.base.port, config);
  mirror.is_mirror = true;
  mirror.fall_back = FallBack::on_any_failure;
  return mirror;
}

bool is_address(std::string_view host) {
  return host.find(':') != std::string_view::npos ||
         host.find_first_not_of("0123456789.") == std::string_view::npos;
}

// "auth.docker.io" → "docker.io". A guess, without the list of public suffixes: it only ever
// decides between hosts that a registry, which has the user's trust, has named itself.
std::string_view organisation(std::string_view host) {
  size_t dot = host.rfind('.');
  if (dot == std::string_view::npos || dot == 0) return host;
  size_t second = host.rfind('.', dot - 1);
  return second == std::string_view::npos ? host : host.substr(second + 1);
}

}  // namespace

std::string registry_domain(std::string_view server) {
  for (std::string_view scheme : {"https://", "http://"})
    if (server.starts_with(scheme)) server.remove_prefix(scheme.size());
  server = server.substr(0, server.find('/'));
  // A name at that registry is valid if and only if the registry's is.
  return server.empty() ? std::string(docker_hub)
                        : parse_reference(fmt::format("{}/x/y", server)).domain;
}

bool is_insecure_host(std::string_view host, int port, const RegistryConfig& config) {
  if (is_loopback_host(host)) return true;
  const std::string with_port = std::string(host) + ":" + std::to_string(port);
  const std::string bracketed = "[" + std::string(host) + "]:" + std::to_string(port);
  return std::any_of(config.insecure_registries.begin(), config.insecure_registries.end(),
                     [&](const std::string& entry) {
                       return entry == host || entry == with_port || entry == bracketed ||
                              is_in_network(host, entry);
                     });
}

std::vector<Endpoint> plan_endpoints(std::string_view domain, const RegistryConfig& config) {
  std::vector<Endpoint> endpoints;
  if (domain == docker_hub)
    for (const std::string& mirror : config.mirrors)
      endpoints.push_back(mirror_endpoint(mirror, config));

  const std::string host(domain == docker_hub ? docker_hub_host : domain);
  Endpoint secure;
  secure.base = parse_url("https://" + host);
  // An entry without a port means every port; "host:5000" has to name the port that is used.
  if (!is_insecure_host(secure.base.host, secure.base.port, config)) {
    endpoints.push_back(secure);
    return endpoints;
  }
  secure.verify_tls = false;
  secure.fall_back = FallBack::without_tls;
  endpoints.push_back(secure);
  Endpoint plain;
  plain.base = parse_url("http://" + host);
  plain.verify_tls = false;
  endpoints.push_back(plain);
  return endpoints;
}

bool may_receive_credentials(const Url& registry, const Url& realm) {
  if (registry.scheme == "https" && realm.scheme != "https") return false;
  if (registry.host == realm.host) return true;
  if (is_loopback_host(registry.host) && is_loopback_host(realm.host)) return true;
  if (is_address(registry.host) || is_address(realm.host)) return false;
  return realm.scheme == "https" && organisation(registry.host) == organisation(realm.host);
}

}  // namespace ctr::image
