#include <doctest/doctest.h>

#include <set>

#include "daemon/networks/ipam.h"
#include "runtime/sys/error.h"

using namespace ctr::daemon;
using ctr::sys::Error;

namespace {

uint32_t ip(uint32_t a, uint32_t b, uint32_t c, uint32_t d) {
  return a << 24 | b << 16 | c << 8 | d;
}
bool nobody(uint32_t) {
  return false;
}

}  // namespace

TEST_CASE("a subnet knows its addresses") {
  auto subnet = parse_subnet("172.17.5.9/16");
  REQUIRE(subnet);
  CHECK(to_string(*subnet) == "172.17.0.0/16");
  CHECK(subnet->last() == ip(172, 17, 255, 255));
  CHECK(subnet->contains(ip(172, 17, 9, 9)));
  CHECK(!subnet->contains(ip(172, 18, 0, 0)));
  CHECK(subnet->overlaps({ip(172, 16, 0, 0), 12}));
  CHECK(!subnet->overlaps({ip(172, 18, 0, 0), 16}));
  CHECK(parse_subnet("0.0.0.0/0")->contains(ip(9, 9, 9, 9)));
  CHECK(!parse_subnet("172.17.0.0"));
}

TEST_CASE("addresses go round: a freed one is not given again at once") {
  AddressPool pool = plan_pool("10.0.0.0/29", "", "");
  CHECK(pool.gateway == ip(10, 0, 0, 1));
  std::vector<uint32_t> given;
  uint32_t last = 0;
  for (int i = 0; i < 6; ++i) given.push_back(last = next_address(pool, last, nobody).value());
  std::vector<uint32_t> expected = {ip(10, 0, 0, 2), ip(10, 0, 0, 3), ip(10, 0, 0, 4),
                                    ip(10, 0, 0, 5), ip(10, 0, 0, 6), ip(10, 0, 0, 2)};
  CHECK(given == expected);
}

TEST_CASE("the network's, the broadcast and the gateway's address are never given") {
  AddressPool pool = plan_pool("10.0.0.0/28", "10.0.0.9", "");
  std::set<uint32_t> given;
  uint32_t last = 0;
  auto taken = [&](uint32_t address) { return given.contains(address); };
  while (auto next = next_address(pool, last, taken)) given.insert(last = *next);
  CHECK(given.size() == 13);
  CHECK(given.size() == capacity(pool));
  for (uint32_t reserved : {ip(10, 0, 0, 0), ip(10, 0, 0, 15), ip(10, 0, 0, 9)}) {
    CHECK(!given.contains(reserved));
    CHECK(!may_be_given(pool, reserved));
  }
}

TEST_CASE("a full pool gives nothing (L46)") {
  AddressPool pool = plan_pool("10.0.0.0/30", "", "");
  CHECK(capacity(pool) == 1);
  CHECK(next_address(pool, 0, nobody) == ip(10, 0, 0, 2));
  CHECK(!next_address(pool, 0, [](uint32_t) { return true; }));
}

TEST_CASE("a range limits what is given, not what may be asked for") {
  AddressPool pool = plan_pool("10.0.0.0/24", "", "10.0.0.128/30");
  CHECK(next_address(pool, 0, nobody) == ip(10, 0, 0, 128));
  CHECK(next_address(pool, ip(10, 0, 0, 131), nobody) == ip(10, 0, 0, 128));
  CHECK(capacity(pool) == 4);
  CHECK(may_be_given(pool, ip(10, 0, 0, 7)));
  CHECK(!may_be_given(pool, ip(10, 0, 1, 7)));
}

TEST_CASE("the last subnet of all does not run over") {
  AddressPool pool = plan_pool("255.255.255.248/29", "", "");
  CHECK(next_address(pool, ip(255, 255, 255, 254), nobody) == ip(255, 255, 255, 250));
}

TEST_CASE("pools that make no sense are refused") {
  CHECK_THROWS_AS(plan_pool("10.0.0.0/31", "", ""), Error);
  CHECK_THROWS_AS(plan_pool("10.0.0.0/0", "", ""), Error);
  CHECK_THROWS_AS(plan_pool("10.0.0.0/24\n", "", ""), Error);
  CHECK_THROWS_AS(plan_pool("10.0.0.0/24", "10.0.1.1", ""), Error);
  CHECK_THROWS_AS(plan_pool("10.0.0.0/24", "10.0.0.255", ""), Error);
  CHECK_THROWS_AS(plan_pool("10.0.0.0/24", "", "10.0.0.0/16"), Error);
  CHECK_THROWS_AS(plan_pool("fd00::/64", "", ""), Error);
}

TEST_CASE("--bip is the gateway's address and the subnet at once") {
  AddressPool pool = plan_pool_of_bridge_address("192.168.5.1/24");
  CHECK(pool.gateway == ip(192, 168, 5, 1));
  CHECK(to_string(pool.subnet) == "192.168.5.0/24");
  CHECK_THROWS_AS(plan_pool_of_bridge_address("192.168.5.0/24"), Error);
  CHECK_THROWS_AS(plan_pool_of_bridge_address("192.168.5.1"), Error);
}

TEST_CASE("a default subnet is one that the host has no route into") {
  CHECK(to_string(*choose_default_subnet({})) == "172.17.0.0/16");
  CHECK(to_string(*choose_default_subnet({{ip(172, 17, 3, 0), 24}})) == "172.18.0.0/16");
  CHECK(to_string(*choose_default_subnet({{ip(172, 16, 0, 0), 12}})) == "192.168.0.0/20");
  CHECK(to_string(*choose_default_subnet({{ip(172, 16, 0, 0), 12}, {ip(192, 168, 1, 0), 24}})) ==
        "192.168.16.0/20");
  CHECK(!choose_default_subnet({{ip(172, 16, 0, 0), 12}, {ip(192, 168, 0, 0), 16}}));
  const std::vector<DefaultPool> pools{plan_default_pool("10.10.0.0/23", 24),
                                       plan_default_pool("10.11.0.0/24", 24)};
  CHECK(to_string(*choose_default_subnet({}, pools)) == "10.10.0.0/24");
  CHECK(to_string(*choose_default_subnet({{ip(10, 10, 0, 0), 24}}, pools)) == "10.10.1.0/24");
  CHECK(to_string(*choose_default_subnet({{ip(10, 10, 0, 0), 23}}, pools)) == "10.11.0.0/24");
  CHECK(!choose_default_subnet({{ip(10, 10, 0, 0), 15}}, pools));
  CHECK_THROWS_AS(plan_default_pool("10.10.0.0/24", 16), Error);
  CHECK_THROWS_AS(plan_default_pool("x", 24), Error);
}

TEST_CASE("a MAC address follows from the address, as Docker's does") {
  CHECK(mac_of_address(ip(172, 17, 0, 2)) == "02:42:ac:11:00:02");
}
