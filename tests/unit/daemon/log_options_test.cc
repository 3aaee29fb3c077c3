#include "daemon/log_options.h"

#include <doctest/doctest.h>

#include "runtime/sys/error.h"

using namespace ctr::daemon;

TEST_CASE("sizes of logs are Docker's") {
  CHECK(parse_log_size("10m") == 10 * 1024 * 1024);
  CHECK(parse_log_size("1K") == 1024);
  CHECK(parse_log_size("1") == 1);
  CHECK(parse_log_size("-1") == 0);
  for (const char* text : {"", "m", "-2", "0", "1x", "1e300"})
    CHECK_THROWS_AS(parse_log_size(text), ctr::sys::Error);
}

TEST_CASE("a log rotates by default, with the driver none there is none") {
  ContainerConfig config;
  HostConfig host;
  host.log_type = "json-file";
  CHECK(plan_log(config, host, {}, "/l").max_files == 5);
  CHECK(plan_log(config, host, {}, "/l").path == "/l");
  host.log_type = "none";
  CHECK(plan_log(config, host, {}, "/l").path.empty());
}

TEST_CASE("the container's options come before the daemon's") {
  ContainerConfig config;
  config.labels = {{"tier", "front"}, {"zone", "a"}};
  HostConfig host;
  host.log_options = {{"max-size", "1k"}, {"labels", "tier,missing"}};
  auto log = plan_log(config, host, {{"max-size", "2k"}, {"max-file", "2"}}, "/l");
  CHECK(log.max_size == 1024);
  CHECK(log.max_files == 2);
  CHECK(log.attributes == R"({"tier":"front"})");
}

TEST_CASE("unknown options and bad values are refused (X07)") {
  HostConfig host;
  host.log_type = "json-file";
  host.log_options = {{"path", "../../x"}};
  CHECK_THROWS_AS(plan_log({}, host, {}, "/l"), ctr::sys::Error);
  host.log_options = {{"max-file", "0"}};
  CHECK_THROWS_AS(plan_log({}, host, {}, "/l"), ctr::sys::Error);
}
