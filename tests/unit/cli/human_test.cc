#include "cli/human.h"

#include <doctest/doctest.h>

#include <cstdlib>
#include <ctime>

using namespace ctr::cli;

TEST_CASE("sizes are Docker's") {
  struct Row {
    double bytes;
    int digits;
    const char* text;
  };
  const Row rows[] = {
      {0, 3, "0B"},         {999, 3, "999B"},      {1000, 3, "1kB"},        {1240, 3, "1.24kB"},
      {12345, 3, "12.3kB"}, {7797760, 3, "7.8MB"}, {7797760, 4, "7.798MB"}, {78123456, 3, "78.1MB"},
      {1.5e9, 3, "1.5GB"},  {2e12, 3, "2TB"},      {999950, 3, "1e+03kB"}};
  for (const Row& row : rows) CHECK(human_size(row.bytes, row.digits) == row.text);
  CHECK(human_binary_size(8327368704) == "7.755GiB");
  CHECK(human_binary_size(512) == "512B");
}

TEST_CASE("durations are Docker's") {
  struct Row {
    int64_t seconds;
    const char* text;
  };
  const Row rows[] = {
      {-5, "Less than a second"}, {0, "Less than a second"}, {1, "1 second"},
      {59, "59 seconds"},         {60, "About a minute"},    {119, "About a minute"},
      {120, "2 minutes"},         {3599, "59 minutes"},      {3600, "About an hour"},
      {5399, "About an hour"},    {5400, "2 hours"},         {47 * 3600, "47 hours"},
      {48 * 3600, "2 days"},      {13 * 86400, "13 days"},   {14 * 86400, "2 weeks"},
      {59 * 86400, "8 weeks"},    {60 * 86400, "2 months"},  {729 * 86400, "24 months"},
      {730 * 86400, "2 years"}};
  for (const Row& row : rows) CHECK(human_duration(row.seconds) == row.text);
}

TEST_CASE("times are in the local zone") {
  setenv("TZ", "UTC", 1);
  tzset();
  CHECK(local_time(1700000000) == "2023-11-14 22:13:20 +0000 UTC");
  CHECK(local_rfc3339(1700000000) == "2023-11-14T22:13:20Z");
  CHECK(local_rfc3339_nano(1700000000000000007) == "2023-11-14T22:13:20.000000007Z");
  setenv("TZ", "XST-5:30", 1);
  tzset();
  CHECK(local_rfc3339(1700000000) == "2023-11-15T03:43:20+05:30");
  CHECK(local_time(1700000000) == "2023-11-15 03:43:20 +0530 XST");
  setenv("TZ", "UTC", 1);
  tzset();
}

TEST_CASE("ids are cut to twelve digits") {
  const std::string full(64, 'a');
  CHECK(short_id("sha256:" + full) == "aaaaaaaaaaaa");
  CHECK(short_id(full) == "aaaaaaaaaaaa");
  CHECK(short_id("abc") == "abc");
  CHECK(is_full_id("sha256:" + full));
  CHECK(is_full_id(full));
  CHECK_FALSE(is_full_id("alpine"));
  CHECK_FALSE(is_full_id(std::string(64, 'z')));
}

TEST_CASE("an ellipsis keeps within the width, in columns of the terminal") {
  CHECK(ellipsis("short", 20) == "short");
  CHECK(ellipsis("exactly 20 letters..", 20) == "exactly 20 letters..");
  CHECK(ellipsis("one more than twenty.", 20) == "one more than twent…");
  CHECK(ellipsis("täglich wörtlich grüßen", 10) == "täglich w…");
  CHECK(ellipsis("日本語日本語", 7) == "日本語…");
}
