#include <doctest/doctest.h>

#include "daemon/networks/bridge.h"
#include "daemon/networks/firewall.h"
#include "runtime/sys/error.h"

using namespace ctr::daemon;

namespace {

FirewallPlan plan() {
  return {.bridge = "ctr0", .subnet = parse_subnet("172.17.0.0/16").value()};
}
bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("a table replaces the old one of the same bridge and touches no other") {
  std::string text = plan_table(plan());
  CHECK(text.starts_with("table ip ctr_ctr0\ndelete table ip ctr_ctr0\ntable ip ctr_ctr0 {\n"));
  CHECK(has(text, "ip saddr 172.17.0.0/16 oifname != \"ctr0\" masquerade"));
}

TEST_CASE("nobody from outside begins a conversation with a container (W04, W06)") {
  CHECK(has(plan_table(plan()), "oifname \"ctr0\" iifname != \"ctr0\" drop"));
}

TEST_CASE("an internal network has no way out (W02)") {
  FirewallPlan internal = plan();
  internal.internal = true;
  std::string text = plan_table(internal);
  CHECK(has(text, "iifname \"ctr0\" oifname != \"ctr0\" drop"));
  CHECK(!has(text, "masquerade"));
  CHECK(!has(text, "accept\n"));
  CHECK(!has(text, "dnat"));
}

TEST_CASE("masquerading can be left to the administrator") {
  FirewallPlan routed = plan();
  routed.masquerade = false;
  CHECK(!has(plan_table(routed), "oifname != \"ctr0\" masquerade"));
}

TEST_CASE("dockerd's policy is recognised in the words of nft and of iptables") {
  CHECK(drops_forwarded("type filter hook forward priority filter; policy drop;"));
  CHECK(drops_forwarded("-P FORWARD DROP\n-A FORWARD -j DOCKER-USER\n"));
  CHECK(!drops_forwarded("-P FORWARD ACCEPT\n"));
  CHECK(!drops_forwarded(""));
}

TEST_CASE("a bridge's name cannot end a rule or leave a directory") {
  for (const char* name : {"ctr0", "br-0123456789ab", "my.bridge_1"})
    CHECK_NOTHROW(check_bridge_name(name));
  for (const char* name : {"", ".", "..", "a/b", "a b", "a\"b", "a\nb", "a;b", "sixteencharacter"})
    CHECK_THROWS_AS(check_bridge_name(name), ctr::sys::Error);
}

TEST_CASE("a published port is an element, and the table is made with those that are open") {
  FirewallPlan published = plan();
  published.ports = {{{"tcp", "0.0.0.0", 8080, 80}, "172.17.0.2"},
                     {{"udp", "127.0.0.1", 53, 5353}, "172.17.0.3"}};
  std::string text = plan_table(published);
  CHECK(has(text,
            "add element ip ctr_ctr0 published_anywhere { tcp . 8080 : 172.17.0.2 . 80 }\n"));
  CHECK(has(text,
            "add element ip ctr_ctr0 published { 127.0.0.1 . udp . 53 : 172.17.0.3 . 5353 }\n"));
  CHECK(plan_ports_change("ctr0", "delete", {published.ports[1]}) ==
        "delete element ip ctr_ctr0 published { 127.0.0.1 . udp . 53 }\n");
}

TEST_CASE("what comes from outside for 127.0.0.1 leads nowhere (W06)") {
  std::string text = plan_table(plan());
  CHECK(has(text, "iifname \"ctr0\" ip daddr 127.0.0.0/8 drop"));
  CHECK(has(text, "  ip daddr != 127.0.0.0/8 fib daddr type local dnat ip to ip daddr"));
  CHECK(has(text, "  ip daddr != 127.0.0.0/8 fib daddr type local dnat ip to meta l4proto"));
}

TEST_CASE("a network with IPv6 has a table of that family with the same rules") {
  FirewallPlan dual = plan();
  dual.subnet6 = parse_subnet6("fd00:1::/64").value();
  dual.ports = {{{"tcp", "::", 8080, 80}, "fd00:1::2"}, {{"tcp", "fd00::9", 81, 80}, "fd00:1::2"}};
  std::string text = plan_table(dual);
  CHECK(has(text, "table ip6 ctr_ctr0\ndelete table ip6 ctr_ctr0\ntable ip6 ctr_ctr0 {\n"));
  CHECK(has(text, "ip6 saddr fd00:1::/64 oifname != \"ctr0\" masquerade"));
  CHECK(has(text, "add element ip6 ctr_ctr0 published_anywhere { tcp . 8080 : fd00:1::2 . 80 }\n"));
  CHECK(has(text, "add element ip6 ctr_ctr0 published { fd00::9 . tcp . 81 : fd00:1::2 . 80 }\n"));
  CHECK(!has(plan_table(plan()), "ip6"));
}

TEST_CASE("containers that shall not talk to each other cannot do so through the host either") {
  FirewallPlan apart = plan();
  apart.connects_containers = false;
  CHECK(has(plan_table(apart), "  oifname \"ctr0\" drop\n"));
  CHECK(!has(plan_table(plan()), "  oifname \"ctr0\" drop\n"));
}
