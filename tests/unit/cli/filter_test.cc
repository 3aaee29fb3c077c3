#include "cli/filter.h"

#include <doctest/doctest.h>

#include "runtime/sys/error.h"

using ctr::cli::filters_json;

TEST_CASE("filters become the API's map of maps") {
  CHECK(filters_json({}) == "");
  CHECK(filters_json({"status=running"}) == R"({"status":{"running":true}})");
  CHECK(filters_json({"status=running", "label=a=b", "Status= exited "}) ==
        R"({"label":{"a=b":true},"status":{"exited":true,"running":true}})");
  CHECK(filters_json({"name="}) == R"({"name":{"":true}})");
}

TEST_CASE("a filter without a value is refused") {
  CHECK_THROWS_WITH_AS(filters_json({"foo"}),
                       "invalid argument \"foo\" for \"--filter\" flag: bad format of filter "
                       "(expected name=value)",
                       ctr::sys::Error);
}
