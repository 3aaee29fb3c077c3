#include "cli/timeframe.h"

#include <doctest/doctest.h>

#include <cstdlib>
#include <ctime>

#include "runtime/sys/error.h"

using namespace ctr::cli;

TEST_CASE("a point in time is a duration back, a date or seconds") {
  setenv("TZ", "UTC", 1);
  tzset();
  struct Row {
    const char* text;
    const char* expected;
  };
  const Row rows[] = {{"10m", "999400"},
                      {"1700000000", "1700000000"},
                      {"1700000000.5", "1700000000.5"},
                      {"2023-11-14T22:13:20Z", "1700000000.000000000"},
                      {"2023-11-14T22:13:20.25Z", "1700000000.250000000"},
                      {"2023-11-15T00:13:20+02:00", "1700000000.000000000"},
                      {"2023-11-14T17:13:20-05:00", "1700000000.000000000"},
                      {"2023-11-14T22:13:20", "1700000000.000000000"},
                      {"2023-11-14T22:13", "1699999980.000000000"},
                      {"2023-11-14", "1699920000.000000000"}};
  for (const Row& row : rows) CHECK(parse_point_in_time(row.text, 1'000'000) == row.expected);
}

TEST_CASE("what is no point in time is refused") {
  for (const char* text :
       {"", "yesterday", "2023-13-01", "2023-11-14T25:00", "2023-11-14Tx", ".", "1.x"})
    CHECK_THROWS_AS(parse_point_in_time(text, 0), ctr::sys::Error);
}
