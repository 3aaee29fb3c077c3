#include "runtime/cgroup/device_rules.h"

#include <doctest/doctest.h>

#include "layouts.h"
#include "runtime/sys/error.h"

using namespace ctr::runtime;
using ctr::sys::Error;

namespace {
std::string lines(const std::vector<DeviceRule>& rules) {
  std::string text;
  for (const LimitWrite& write : plan_device_rules(rules))
    text += (text.empty() ? "" : "; ") + write.file.substr(8) + " " + write.value;
  return text;
}
constexpr auto any = std::nullopt;
}  // namespace

TEST_CASE("rules are parsed as Docker's expression takes them") {
  for (const char* text : {"c 1:3 rwm", "a *:* rwm", "b 8:* r", "c *:200 mw"})
    CHECK(format_device_rule(parse_device_rule(text)) == text);
  for (const char* text :
       {"", "c", "d 1:3 rwm", "c 1:3", "c 1:3 ", "c 1:3 x", "c 1:3 rwmr", "c  1:3 r", "c 1:3  r",
        "c 1 3 r", "c -1:3 r", "c 1:+3 r", "c 1:3:4 r", "c : r", "c 1: r", "c 1:99999999999 r",
        " c 1:3 r", "c 1:3 r\n", "c *1:3 r"}) {
    CAPTURE(text);
    CHECK_THROWS_AS(parse_device_rule(text), Error);
  }
}

TEST_CASE("lists start from nothing allowed, unless they say otherwise") {
  CHECK(lines({{true, 'c', 1, 3, "rwm"}}) == "deny a; allow c 1:3 rwm");
  CHECK(lines(all_device_rules()) == "allow a");
  CHECK(lines({{true, 'a', any, any, "rwm"}, {false, 'b', any, any, "w"}}) ==
        "allow a; deny b *:* w");
}

TEST_CASE("a rule for everything forgets what was before it") {
  CHECK(lines({{true, 'c', 1, 3, "r"}, {false, 'a', any, any, "mwr"}, {true, 'b', 7, 0, "r"}}) ==
        "deny a; allow b 7:0 r");
}

TEST_CASE("type a with numbers is not everything, whatever v1's kernel makes of it") {
  CHECK(lines({{true, 'a', 1, 3, "rwm"}}) == "deny a; allow b 1:3 rwm; allow c 1:3 rwm");
  CHECK(lines({{true, 'a', any, any, "r"}}) == "deny a; allow b *:* r; allow c *:* r");
}

TEST_CASE("a denial inside what is allowed is refused, not ignored, where v1 would") {
  CHECK_THROWS_AS(plan_device_rules({{true, 'c', any, any, "rwm"}, {false, 'c', 1, 1, "rwm"}}),
                  Error);
  CHECK_THROWS_AS(
      plan_device_rules(
          {{true, 'a', any, any, "rwm"}, {false, 'b', any, any, "rwm"}, {true, 'b', 8, 0, "r"}}),
      Error);
  CHECK(lines({{true, 'c', 1, 1, "rwm"}, {false, 'c', 1, 1, "w"}}) ==
        "deny a; allow c 1:1 rwm; deny c 1:1 w");
  CHECK(lines({{true, 'c', any, any, "m"}, {false, 'c', 10, 229, "rw"}}) ==
        "deny a; allow c *:* m; deny c 10:229 rw");
}

TEST_CASE("values that no device has are refused") {
  CHECK_THROWS_AS(normalize_device_rules({{true, 'x', 1, 3, "r"}}), Error);
  CHECK_THROWS_AS(normalize_device_rules({{true, 'c', 1, 3, ""}}), Error);
  CHECK_THROWS_AS(normalize_device_rules({{true, 'c', 1, 3, "rx"}}), Error);
  CHECK_THROWS_AS(normalize_device_rules({{true, 'c', -1, 3, "r"}}), Error);
  CHECK_THROWS_AS(normalize_device_rules({{true, 'c', 1, int64_t{1} << 32, "r"}}), Error);
}

TEST_CASE("the default rules are runc's") {
  CHECK(lines(default_device_rules()) ==
        "deny a; allow c *:* m; allow b *:* m; allow c 1:3 rwm; allow c 1:5 rwm; allow c 1:7 rwm; "
        "allow c 1:8 rwm; allow c 1:9 rwm; allow c 5:0 rwm; allow c 5:2 rwm; "
        "allow c 136:* rwm; allow c 10:200 rwm");
}

TEST_CASE("only a machine without v1's devices controller needs the program") {
  CHECK(!devices_by_bpf(v1_layout()));
  CHECK(devices_by_bpf(v2_layout()));
}
