#include "daemon/api/filters.h"
#include "daemon/api/query_time.h"

#include <doctest/doctest.h>

#include "runtime/sys/error.h"

using ctr::daemon::Filters;
using ctr::daemon::parse_until_filter;
using ctr::daemon::pattern_found;
using ctr::sys::Error;

TEST_CASE("both shapes of filters mean the same") {
  Filters map = Filters::parse(R"({"label": {"a=b": true, "c": true, "d": false}})");
  Filters list = Filters::parse(R"({"label": ["a=b", "c"]})");
  CHECK(map.values("label") == std::vector<std::string>{"a=b", "c"});
  CHECK(list.values("label") == map.values("label"));
}

TEST_CASE("no filters match everything") {
  for (const char* text : {"", "{}", "null", R"({"name": []})"}) {
    Filters filters = Filters::parse(text);
    CHECK(filters.empty());
    CHECK(filters.matches_exactly("name", "x"));
    CHECK(filters.matches_labels("label", {}));
  }
}

TEST_CASE("malformed filters are refused") {
  for (const char* text :
       {"x", "[]", "1", R"({"a": "b"})", R"({"a": [1]})", R"({"a": {"b": 1}})"}) {
    CAPTURE(text);
    CHECK_THROWS_WITH_AS(Filters::parse(text), "invalid filter", Error);
  }
  CHECK_THROWS_WITH_AS(Filters::parse(R"({"nmae": ["x"]})").expect_only({"name", "id"}),
                       "invalid filter 'nmae'", Error);
}

TEST_CASE("values of one filter are alternatives, labels must all be there") {
  Filters filters = Filters::parse(R"({"status": ["exited", "dead"], "label": ["a", "b=1"]})");
  CHECK(filters.matches_exactly("status", "dead"));
  CHECK_FALSE(filters.matches_exactly("status", "running"));
  CHECK(filters.matches_labels("label", {{"a", "x"}, {"b", "1"}}));
  CHECK_FALSE(filters.matches_labels("label", {{"a", "x"}, {"b", "2"}}));
  CHECK_FALSE(filters.matches_labels("label", {{"b", "1"}}));
}

TEST_CASE("yes-or-no filters take Docker's words") {
  CHECK(Filters::parse(R"({"dangling": ["true"]})").find_bool("dangling") == true);
  CHECK(Filters::parse(R"({"dangling": {"0": true}})").find_bool("dangling") == false);
  CHECK_FALSE(Filters::parse("{}").find_bool("dangling"));
  CHECK_THROWS_WITH_AS(Filters::parse(R"({"dangling": ["maybe"]})").find_bool("dangling"),
                       "invalid filter 'dangling=[maybe]'", Error);
}

TEST_CASE("patterns are regular expressions that cannot run away (P12)") {
  CHECK(pattern_found("^/web", "/web-1"));
  CHECK_FALSE(pattern_found("^web", "/web-1"));
  CHECK(pattern_found("w.b", "/web-1"));
  CHECK(pattern_found("a(b", "xa(bx"));  // does not compile: searched for as it is
  std::string text(250, 'a');  // the longest name there can be, about
  CHECK_FALSE(pattern_found("((a+)+)+$", text + "b"));
  CHECK_FALSE(pattern_found("(a*)*\\1b", text));
  CHECK_FALSE(pattern_found("a{255}{255}{255}", text));
}

TEST_CASE("until: a time, or a duration before now") {
  constexpr int64_t second = 1'000'000'000;
  constexpr int64_t now = 1'700'000'000 * second;
  CHECK(parse_until_filter("10m", now) == now - 600 * second);
  CHECK(parse_until_filter("1h30m", now) == now - 5400 * second);
  CHECK(parse_until_filter("1.5h", now) == now - 5400 * second);
  CHECK(parse_until_filter("100ms", now) == now - second / 10);
  CHECK(parse_until_filter("0s", now) == now);
  CHECK(parse_until_filter("1600000000", now) == 1'600'000'000 * second);
  CHECK(parse_until_filter("2020-01-01T00:00:00Z", now) == 1'577'836'800 * second);
  for (const char* bad : {"yesterday", "m", "10x", "1h-30m", "-5m", "10m ", "9e99h", "99999999999h", "1h30"})
    CHECK_THROWS(parse_until_filter(bad, now));
}
