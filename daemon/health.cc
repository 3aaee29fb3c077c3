#include "daemon/health.h"

#include <nlohmann/json.hpp>

#include "runtime/sys/error.h"

namespace ctr::daemon {

namespace {

using nlohmann::json;

constexpr size_t log_length = 5;
constexpr int64_t millisecond = 1'000'000;

int64_t number(const json& object, const char* key) {
  auto value = object.find(key);
  return value == object.end() || value->is_null() ? 0 : value->get<int64_t>();
}

const json* find_healthcheck(const json& config) {
  auto check = config.find("Healthcheck");
  return check == config.end() || !check->is_object() ? nullptr : &*check;
}

std::vector<std::string> words(const json& object, const char* key) {
  auto value = object.find(key);
  return value == object.end() || value->is_null() ? std::vector<std::string>{}
                                                   : value->get<std::vector<std::string>>();
}

}  // namespace

std::optional<HealthCheck> find_health_check(const json& config) {
  const json* object = find_healthcheck(config);
  if (object == nullptr) return std::nullopt;
  std::vector<std::string> test = words(*object, "Test");
  if (test.empty() || test[0] == "NONE") return std::nullopt;
  HealthCheck check;
  if (test[0] == "CMD-SHELL") {
    check.command = words(config, "Shell");
    if (check.command.empty()) check.command = {"/bin/sh", "-c"};
  } else if (test[0] != "CMD") {
    return std::nullopt;
  }
  check.command.insert(check.command.end(), test.begin() + 1, test.end());
  const auto take = [&](const char* key, int64_t& member) {
    if (int64_t value = number(*object, key); value != 0) member = value;
  };
  take("Interval", check.interval);
  take("Timeout", check.timeout);
  take("StartPeriod", check.start_period);
  take("StartInterval", check.start_interval);
  take("Retries", check.retries);
  return check;
}

void validate_health_check(const json& config) {
  const json* object = find_healthcheck(config);
  if (object == nullptr) return;
  const auto refuse = [](const std::string& why) {
    throw sys::Error(sys::ErrorKind::invalid_argument, why);
  };
  for (const char* key : {"Interval", "Timeout", "StartPeriod", "StartInterval"})
    if (int64_t value = number(*object, key); value != 0 && value < millisecond)
      refuse(fmt::format("{} in Healthcheck cannot be less than 1ms", key));
  if (number(*object, "Retries") < 0) refuse("Retries in Healthcheck cannot be negative");
  std::vector<std::string> test = words(*object, "Test");
  if (!test.empty() && test[0] != "NONE" && test[0] != "CMD" && test[0] != "CMD-SHELL")
    refuse(fmt::format("Unknown healthcheck type '{}' (expected 'CMD')", test[0]));
  if (test.size() == 1 && test[0] != "NONE") refuse("the health check has no command");
}

void begin_health(Health& health) {
  health.status = "starting";
  health.failing_streak = 0;
}

bool add_health_result(Health& health, const HealthCheck& check, sys::Timestamp started_at,
                       HealthResult result) {
  const std::string before = health.status;
  if (result.exit_code == 0) {
    health.failing_streak = 0;
    health.status = "healthy";
  } else if (health.status != "starting" || result.start - started_at >= check.start_period) {
    // Failures while it starts are expected.
    if (++health.failing_streak >= check.retries) health.status = "unhealthy";
  }
  health.log.push_back(std::move(result));
  if (health.log.size() > log_length) health.log.erase(health.log.begin());
  return health.status != before;
}

int64_t next_health_delay(const Health& health, const HealthCheck& check, sys::Timestamp started_at,
                          sys::Timestamp now) {
  bool starts = health.status == "starting" && now - started_at < check.start_period;
  return starts ? std::min(check.start_interval, check.interval) : check.interval;
}

json health_json(const Health& health) {
  json log = json::array();
  for (const HealthResult& result : health.log)
    log.push_back({{"Start", sys::format_timestamp(result.start)},
                   {"End", sys::format_timestamp(result.end)},
                   {"ExitCode", result.exit_code},
                   {"Output", result.output}});
  return {{"Status", health.status}, {"FailingStreak", health.failing_streak}, {"Log", log}};
}

Health parse_health(const json& value) {
  Health health;
  health.status = value.at("Status").get<std::string>();
  health.failing_streak = value.at("FailingStreak").get<int64_t>();
  for (const json& entry : value.at("Log"))
    health.log.push_back(
        {.start = sys::parse_timestamp(entry.at("Start").get<std::string>()).value_or(0),
         .end = sys::parse_timestamp(entry.at("End").get<std::string>()).value_or(0),
         .exit_code = entry.at("ExitCode").get<int>(),
         .output = entry.at("Output").get<std::string>()});
  return health;
}

}  // namespace ctr::daemon
