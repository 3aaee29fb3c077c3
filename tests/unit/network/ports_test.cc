#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "daemon/networks/ports.h"
#include "runtime/sys/error.h"

using namespace ctr::daemon;
using nlohmann::json;

namespace {

json bindings(const char* port, json list) {
  return {{"PortBindings", {{port, std::move(list)}}}};
}

}  // namespace

TEST_CASE("a binding without an address or a port means every address and any free port") {
  auto ports = plan_ports(bindings("80/tcp", {{{"HostIp", ""}, {"HostPort", ""}}}), {});
  REQUIRE(ports.size() == 1);
  CHECK(ports[0].host_ip.empty());
  CHECK(ports[0].container_port == 80);
  CHECK(ports[0].last == 0);
}

TEST_CASE("a range of host ports is a choice for one port of the container") {
  auto ports = plan_ports(bindings("53/udp", {{{"HostPort", "8000-8010"}}}), {});
  REQUIRE(ports.size() == 1);
  CHECK(ports[0].protocol == "udp");
  CHECK(ports[0].first == 8000);
  CHECK(ports[0].last == 8010);
}

TEST_CASE("-P publishes what is exposed and has no binding of its own") {
  json host = bindings("80", {{{"HostPort", "8080"}}});
  host["PublishAllPorts"] = true;
  auto ports = plan_ports(host, {"80/tcp", "90-91/udp"});
  REQUIRE(ports.size() == 3);
  CHECK(ports[0].first == 8080);
  CHECK(ports[1].container_port == 90);
  CHECK(ports[2].protocol == "udp");
}

TEST_CASE("what is no port is refused (M05, D15)") {
  using ctr::sys::Error;
  for (const char* port : {"", "x", "0/tcp", "99999/tcp", "80/../x", "80/icmp", "-1"})
    CHECK_THROWS_AS(plan_ports(bindings(port, json::array()), {}), Error);
  for (const char* host_port : {"x", "70000", "9-8", "1-", "-1"})
    CHECK_THROWS_AS(plan_ports(bindings("80/tcp", {{{"HostPort", host_port}}}), {}), Error);
  CHECK_THROWS_AS(plan_ports(bindings("80/tcp", {{{"HostIp", "::g"}}}), {}), Error);
  CHECK_THROWS_AS(plan_ports({{"PublishAllPorts", true}}, {"1-65535/tcp"}), Error);
}

TEST_CASE("published ports come back from the database as they went in") {
  std::vector<PublishedPort> ports{{"tcp", "127.0.0.1", 8080, 80}};
  auto again = parse_published_ports(to_json(ports));
  REQUIRE(again.size() == 1);
  CHECK(again[0].protocol == "tcp");
  CHECK(again[0].host_ip == "127.0.0.1");
  CHECK(again[0].host_port == 8080);
  CHECK(again[0].container_port == 80);
}
