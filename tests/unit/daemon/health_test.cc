#include "daemon/health.h"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "runtime/sys/error.h"

using namespace ctr::daemon;
using nlohmann::json;

namespace {

constexpr int64_t second = 1'000'000'000;

HealthResult result(int exit_code, int64_t start = 100 * second) {
  return {.start = start, .end = start + second, .exit_code = exit_code, .output = "x"};
}

json with_test(json test) {
  return {{"Healthcheck", {{"Test", std::move(test)}}}};
}

}  // namespace

TEST_CASE("a check is found with Docker's defaults, and none where none is asked for") {
  auto check = find_health_check(with_test({"CMD-SHELL", "exit 0"}));
  REQUIRE(check);
  CHECK(check->command == std::vector<std::string>{"/bin/sh", "-c", "exit 0"});
  CHECK(check->interval == 30 * second);
  CHECK(check->retries == 3);
  CHECK(find_health_check(with_test({"CMD", "a", "b"}))->command == std::vector<std::string>{"a", "b"});
  CHECK_FALSE(find_health_check(json::object()));
  CHECK_FALSE(find_health_check(with_test({"NONE"})));
  CHECK_FALSE(find_health_check(with_test(json::array())));
}

TEST_CASE("a container is unhealthy after so many failures in a row, and healthy after one success") {
  HealthCheck check{.retries = 2};
  Health health;
  begin_health(health);
  CHECK(health.status == "starting");
  CHECK_FALSE(add_health_result(health, check, 0, result(1)));
  CHECK(add_health_result(health, check, 0, result(1)));
  CHECK(health.status == "unhealthy");
  CHECK(health.failing_streak == 2);
  CHECK(add_health_result(health, check, 0, result(0)));
  CHECK(health.status == "healthy");
  CHECK(health.failing_streak == 0);
  for (int i = 0; i < 9; ++i) add_health_result(health, check, 0, result(0));
  CHECK(health.log.size() == 5);
}

TEST_CASE("failures while it starts do not count, and checks come at their own pace") {
  HealthCheck check{.interval = 30 * second, .start_period = 200 * second, .start_interval = second, .retries = 1};
  Health health;
  begin_health(health);
  CHECK_FALSE(add_health_result(health, check, 0, result(1)));
  CHECK(health.failing_streak == 0);
  CHECK(next_health_delay(health, check, 0, 100 * second) == second);
  CHECK(next_health_delay(health, check, 0, 300 * second) == 30 * second);
  CHECK(add_health_result(health, check, 0, result(1, 201 * second)));
  CHECK(health.status == "unhealthy");
}

TEST_CASE("what is stored is what is read") {
  Health health;
  begin_health(health);
  add_health_result(health, {}, 0, result(7));
  Health again = parse_health(health_json(health));
  CHECK(again.status == health.status);
  CHECK(again.failing_streak == 1);
  REQUIRE(again.log.size() == 1);
  CHECK(again.log[0].exit_code == 7);
  CHECK(again.log[0].start == health.log[0].start);
}

TEST_CASE("a check that cannot be meant is refused") {
  for (const json& check : {json{{"Interval", 1000}}, json{{"Retries", -1}}, json{{"Test", {"WHAT"}}},
                            json{{"Test", {"CMD"}}}})
    CHECK_THROWS_AS(validate_health_check({{"Healthcheck", check}}), ctr::sys::Error);
  CHECK_NOTHROW(validate_health_check({{"Healthcheck", {{"Test", {"NONE"}}}}}));
}
