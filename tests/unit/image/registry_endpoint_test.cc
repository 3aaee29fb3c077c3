#include <doctest/doctest.h>

#include "image/registry_endpoint.h"
#include "runtime/sys/error.h"

using namespace ctr;
using namespace ctr::image;

namespace {

std::vector<std::string> urls(std::string_view domain, const RegistryConfig& config = {}) {
  std::vector<std::string> texts;
  for (const Endpoint& endpoint : plan_endpoints(domain, config))
    texts.push_back(endpoint.base.safe_text() + (endpoint.verify_tls ? "" : " unverified"));
  return texts;
}

using Texts = std::vector<std::string>;

}  // namespace

TEST_CASE("a registry is HTTPS with verification and nothing else (N01)") {
  CHECK(urls("docker.io") == Texts{"https://registry-1.docker.io/"});
  CHECK(urls("ghcr.io") == Texts{"https://ghcr.io/"});
  CHECK(urls("registry.example:5000") == Texts{"https://registry.example:5000/"});
  // A name is not loopback because somebody's DNS says so (N03).
  CHECK(urls("localhost.example") == Texts{"https://localhost.example/"});
  CHECK(urls("127.0.0.1.example") == Texts{"https://127.0.0.1.example/"});
}

TEST_CASE("loopback and what is listed may do without") {
  CHECK(urls("localhost:5000") ==
        Texts{"https://localhost:5000/ unverified", "http://localhost:5000/ unverified"});
  CHECK(urls("127.9.9.9").size() == 2);
  CHECK(urls("[::1]:5000").size() == 2);
  RegistryConfig config;
  config.insecure_registries = {"registry.example", "other.example:5000", "10.0.0.0/8"};
  CHECK(urls("registry.example:1", config).size() == 2);
  CHECK(urls("other.example:5000", config).size() == 2);
  CHECK(urls("other.example:5001", config).size() == 1);
  CHECK(urls("10.1.2.3:5000", config).size() == 2);
  CHECK(urls("11.1.2.3:5000", config).size() == 1);
}

TEST_CASE("mirrors are for Docker Hub, come first and get no credentials") {
  RegistryConfig config;
  config.mirrors = {"https://mirror.example/", "http://127.0.0.1:5000"};
  CHECK(urls("docker.io", config).size() == 3);
  CHECK(plan_endpoints("docker.io", config)[0].is_mirror);
  CHECK_FALSE(plan_endpoints("docker.io", config)[2].is_mirror);
  CHECK(urls("ghcr.io", config).size() == 1);
}

TEST_CASE("credentials go to the registry's own organisation (N06, N07)") {
  const auto may = [](const char* registry, const char* realm) {
    return may_receive_credentials(parse_url(registry), parse_url(realm));
  };
  CHECK(may("https://registry-1.docker.io", "https://auth.docker.io/token"));
  CHECK(may("https://r.example:5000", "https://r.example:5001/token"));
  CHECK(may("http://127.0.0.1:5000", "http://localhost:5001/token"));
  CHECK_FALSE(may("https://registry-1.docker.io", "http://auth.docker.io/token"));
  CHECK_FALSE(may("https://registry-1.docker.io", "https://docker.io.evil.example/token"));
  CHECK_FALSE(may("https://registry-1.docker.io", "https://evil-docker.io/token"));
  CHECK_FALSE(may("https://10.0.0.1", "https://11.0.0.1/token"));
  CHECK_FALSE(may("http://127.0.0.1:5000", "https://evil.example/token"));
}

TEST_CASE("a server is known by its URL, too") {
  CHECK(registry_domain("https://index.docker.io/v1/") == "docker.io");
  CHECK(registry_domain("") == "docker.io");
  CHECK(registry_domain("https://ghcr.io") == "ghcr.io");
  CHECK(registry_domain("localhost:5000") == "localhost:5000");
  CHECK_THROWS_AS(registry_domain("https://u@evil.example/"), sys::Error);
}

TEST_CASE("URLs that name a user, or another scheme, are none (N05, N06)") {
  const Url base = parse_url("https://registry.example/v2/");
  for (const char* text : {"https://registry.example@evil.example/", "file:///etc/passwd",
                           "ftp://a/", "unix:/x", "gopher://a/", "https://"}) {
    CAPTURE(text);
    CHECK_THROWS_AS(resolve_url(base, text), sys::Error);
  }
  CHECK(resolve_url(base, "/x?y=z").text == "https://registry.example/x?y=z");
  CHECK(resolve_url(base, "/x?y=z").safe_text() == "https://registry.example/x");
  CHECK(parse_url("HTTPS://Host.Example:443/").same_origin(parse_url("https://host.example/")));
  CHECK_FALSE(parse_url("https://a.example:444").same_origin(parse_url("https://a.example")));
}

TEST_CASE("addresses are in networks by their bits") {
  CHECK(is_in_network("10.1.2.3", "10.0.0.0/8"));
  CHECK(is_in_network("::ffff:10.1.2.3", "10.0.0.0/8"));
  CHECK(is_in_network("fd00::1", "fd00::/8"));
  CHECK(is_in_network("10.0.0.1", "10.0.0.1"));
  CHECK_FALSE(is_in_network("10.0.0.1", "10.0.0.0/33"));
  CHECK_FALSE(is_in_network("name.example", "0.0.0.0/0"));
  CHECK_FALSE(is_in_network("10.0.0.1", "10.0.0.0/x"));
  CHECK(is_link_local_address("169.254.169.254"));
  CHECK(is_loopback_host("127.1.1.1"));
  CHECK_FALSE(is_loopback_host("127.1.1.1.example"));
}
