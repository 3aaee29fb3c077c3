#include <doctest/doctest.h>

#include "runtime/network/interfaces.h"

using namespace ctr::runtime;

TEST_CASE("an IPv4 address is four decimal numbers and nothing else") {
  CHECK(parse_ipv4("172.17.0.2") == 0xac110002U);
  CHECK(parse_ipv4("0.0.0.0") == 0U);
  CHECK(parse_ipv4("255.255.255.255") == 0xffffffffU);
  for (const char* text : {"", "172.17.0", "172.17.0.256", "172.17.0.2 ", " 172.17.0.2", "::1",
                           "172.17.0.2/16", "0x7f.0.0.1", "a.b.c.d", "1.2.3.4.5"})
    CHECK_MESSAGE(!parse_ipv4(text), text);
  CHECK(!parse_ipv4(std::string_view("1.2.3.4\0x", 9)));
}

TEST_CASE("an address with prefix keeps its host bits") {
  auto parsed = parse_address_with_prefix("172.17.0.2/16");
  REQUIRE(parsed);
  CHECK(parsed->address == 0xac110002U);
  CHECK(parsed->prefix == 16);
  for (const char* text :
       {"172.17.0.2", "172.17.0.2/", "172.17.0.2/33", "172.17.0.2/-1", "172.17.0.2/16x", "/16",
        "172.17.0.2/ 16", "172.17.0.2/99999999999999999999"})
    CHECK_MESSAGE(!parse_address_with_prefix(text), text);
}

TEST_CASE("a MAC address is six pairs of hexadecimal digits") {
  auto mac = parse_mac_address("02:42:ac:11:00:Ff");
  REQUIRE(mac);
  CHECK(mac->bytes[0] == 0x02);
  CHECK(mac->bytes[5] == 0xff);
  for (const char* text : {"", "02:42:ac:11:00", "02:42:ac:11:00:0g", "02-42-ac-11-00-02",
                           "02:42:ac:11:00:022", "2:42:ac:11:00:02:", "+2:42:ac:11:00:02"})
    CHECK_MESSAGE(!parse_mac_address(text), text);
}
