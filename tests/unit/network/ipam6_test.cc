#include "daemon/networks/ipam6.h"

#include <doctest/doctest.h>

#include <set>

#include "runtime/sys/error.h"

using namespace ctr::daemon;

namespace {

Ipv6Address address(const char* text) { return ctr::runtime::parse_ipv6(text).value(); }
bool nobody(const Ipv6Address&) { return false; }

}  // namespace

TEST_CASE("an IPv6 subnet is what it says, without its host bits") {
  CHECK(to_string(parse_subnet6("2001:db8:0:1:2::5/64").value()) == "2001:db8:0:1::/64");
  CHECK(to_string(parse_subnet6("fdff:ffff::/13").value()) == "fdf8::/13");
  CHECK(to_string(parse_subnet6("::/0").value()) == "::/0");
  for (const char* text : {"", "fd00::", "fd00::/129", "fd00::/x", "10.0.0.0/8", "fd00::%eth0/64"})
    CHECK(!parse_subnet6(text));
}

TEST_CASE("subnets contain and overlap by their common bits") {
  const Subnet6 subnet = parse_subnet6("fd00:1::/64").value();
  CHECK(subnet.contains(address("fd00:1::ffff")));
  CHECK(!subnet.contains(address("fd00:1:0:1::")));
  CHECK(subnet.overlaps(parse_subnet6("fd00::/16").value()));
  CHECK(subnet.overlaps(parse_subnet6("fd00:1::8000/113").value()));
  CHECK(!subnet.overlaps(parse_subnet6("fd00:2::/64").value()));
}

TEST_CASE("a pool's gateway is its first address, or the one asked for") {
  CHECK(format_ipv6(plan_pool6("fd00:1::/64", "").gateway) == "fd00:1::1");
  CHECK(format_ipv6(plan_pool6("fd00:1::/64", "fd00:1::fe").gateway) == "fd00:1::fe");
  for (const auto& [subnet, gateway] :
       {std::pair("fd00:1::/64", "fd00:2::1"), std::pair("fd00:1::/64", "10.0.0.1"),
        std::pair("fd00:1::/64", "fd00:1::"), std::pair("fd00:1::/127", ""), std::pair("fe80::/64", ""),
        std::pair("ff02::/64", ""), std::pair("10.0.0.0/8", "")})
    CHECK_THROWS_AS(plan_pool6(subnet, gateway), ctr::sys::Error);
}

TEST_CASE("a part of a subnet is where addresses come from, and others may be asked for") {
  const AddressPool6 pool = plan_pool6("fd00:1::/64", "", "fd00:1::8000/113");
  CHECK(choose_address6(pool, 2, nobody) == address("fd00:1::8002"));
  CHECK(choose_address6(pool, 0x8000, nobody) == address("fd00:1::8000"));  // around
  CHECK(may_be_given(pool, address("fd00:1::77")));
  for (const char* range : {"fd00:2::/80", "fd00:1::/60", "10.0.0.0/24", "x"})
    CHECK_THROWS_AS(plan_pool6("fd00:1::/64", "", range), ctr::sys::Error);
}

TEST_CASE("an endpoint's address is as far into the subnet as its IPv4 address is into its own") {
  const AddressPool6 pool = plan_pool6("fd00:1::/64", "");
  CHECK(choose_address6(pool, 2, nobody) == address("fd00:1::2"));
  CHECK(choose_address6(pool, 0x10203, nobody) == address("fd00:1::1:203"));
  CHECK(choose_address6(pool, 1, nobody) == address("fd00:1::2"));  // the gateway's
  CHECK(choose_address6(pool, 0, nobody) == address("fd00:1::2"));  // the subnet's own
  const std::set<Ipv6Address> taken = {address("fd00:1::2"), address("fd00:1::3")};
  CHECK(choose_address6(pool, 2, [&](const auto& a) { return taken.contains(a); }) ==
        address("fd00:1::4"));
}

TEST_CASE("a small subnet is gone through once, and then there are none left") {
  const AddressPool6 pool = plan_pool6("fd00:1::/126", "");
  CHECK(choose_address6(pool, 200, nobody) == address("fd00:1::2"));
  const std::set<Ipv6Address> taken = {address("fd00:1::2"), address("fd00:1::3")};
  CHECK(!choose_address6(pool, 2, [&](const auto& a) { return taken.contains(a); }));
}

TEST_CASE("a subnet that nobody asked for is a unique local one") {
  CHECK(unique_local_subnet("0123456789") == "fd01:2345:6789::/64");
  CHECK(to_string(parse_subnet6(unique_local_subnet("0123456789")).value()) == "fd01:2345:6789::/64");
}
