#include "runtime/sys/duration.h"

#include <doctest/doctest.h>

using namespace ctr::sys;

TEST_CASE("durations are Go's") {
  CHECK(find_duration("10m") == 600'000'000'000);
  CHECK(find_duration("1h30m") == 5'400'000'000'000);
  CHECK(find_duration("1.5s") == 1'500'000'000);
  CHECK(find_duration("300ms") == 300'000'000);
  CHECK(find_duration("2us") == 2'000);
  CHECK(find_duration("-1s") == -1'000'000'000);
  CHECK(find_duration("0") == 0);
  for (const char* text : {"", "10", "m", "1d", "1h30", ".s", "1..5s", "9999999999h", "h1"})
    CHECK_FALSE(find_duration(text));
}
