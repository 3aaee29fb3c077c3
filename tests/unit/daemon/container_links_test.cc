#include "daemon/container_links.h"

#include <doctest/doctest.h>

#include "runtime/sys/error.h"

using namespace ctr::daemon;

namespace {

ContainerRecord record(const char* name) {
  ContainerRecord record;
  record.name = name;
  record.networking_json = R"({"EndpointsConfig": {}})";
  return record;
}

Network network(const char* name) {
  Network network;
  network.id = std::string(64, 'a');
  network.name = name;
  return network;
}

}  // namespace

TEST_CASE("a link names a container and what it is called here") {
  for (const char* text : {"web:db", "/web:/me/db", "/web:db"}) {
    CAPTURE(text);
    CHECK(parse_link(text).target == "web");
    CHECK(parse_link(text).alias == "db");
  }
  CHECK(parse_link("web").alias == "web");
  CHECK(format_link(parse_link("web:db"), "me") == "/web:/me/db");
}

TEST_CASE("a link that is none is refused, and no line of /etc/hosts comes of it (U07)") {
  for (const char* text : {"", ":", "web:", ":db", "a:b:c", "web:d b", "web:db\n10.0.0.1 host"}) {
    CAPTURE(text);
    CHECK_THROWS_AS(parse_link(text), ctr::sys::Error);
  }
}

TEST_CASE("links are those of the container's mode and those of each endpoint") {
  ContainerRecord own = record("me");
  own.host.network_mode = "blue";
  own.host.links = {"web:db"};
  own.networking_json = R"({"EndpointsConfig": {"red": {"Links": ["far:near"]}, "blue": {}}})";
  CHECK(links_of(own, network("blue")).at(0).alias == "db");
  CHECK(links_of(own, network("red")).at(0).target == "far");
  CHECK(links_of(own, network("green")).empty());
}

TEST_CASE("a linked container's ports and environment are variables under its alias") {
  ContainerRecord target = record("web");
  target.config.exposed_ports = {"80/tcp", "53/udp"};
  target.config.env = {"PATH=/bin", "COLOR=blue"};
  CHECK(link_environment(parse_link("web:my-db"), record("me"), target, "172.17.0.2") ==
        std::vector<std::string>{
            "MY_DB_NAME=/me/my-db", "MY_DB_PORT=udp://172.17.0.2:53",
            "MY_DB_PORT_53_UDP=udp://172.17.0.2:53", "MY_DB_PORT_53_UDP_ADDR=172.17.0.2",
            "MY_DB_PORT_53_UDP_PORT=53", "MY_DB_PORT_53_UDP_PROTO=udp",
            "MY_DB_PORT_80_TCP=tcp://172.17.0.2:80", "MY_DB_PORT_80_TCP_ADDR=172.17.0.2",
            "MY_DB_PORT_80_TCP_PORT=80", "MY_DB_PORT_80_TCP_PROTO=tcp", "MY_DB_ENV_COLOR=blue"});
}
