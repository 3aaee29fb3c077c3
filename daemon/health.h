// What is known of a container's health: the check that was asked for, and what its results say.
// Pure values and decisions, with Docker's defaults and words; health_checks.h runs the checks.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/sys/timestamp.h"

namespace ctr::daemon {

struct HealthCheck {
  std::vector<std::string> command;   // as it is executed
  int64_t interval = 30'000'000'000;  // nanoseconds, all of them
  int64_t timeout = 30'000'000'000;
  int64_t start_period = 0;
  int64_t start_interval = 5'000'000'000;
  int64_t retries = 3;
};
// From the normalised Config: nullopt where none is asked for, or {"NONE"}.
std::optional<HealthCheck> find_health_check(const nlohmann::json& config);
// Throws Error{invalid_argument} for durations under a millisecond and the like.
void validate_health_check(const nlohmann::json& config);

struct HealthResult {
  sys::Timestamp start = 0;
  sys::Timestamp end = 0;
  int exit_code = 0;   // -1: it took too long, or could not be run
  std::string output;  // at most health_output_limit bytes
};
inline constexpr size_t health_output_limit = 4096;

struct Health {
  std::string status;  // "" (no check), "starting", "healthy", "unhealthy"
  int64_t failing_streak = 0;
  std::vector<HealthResult> log;  // the last five, the oldest first
};

// A run begins: what the last one's checks said stays in the log.
void begin_health(Health& health);
// True if the status changed.
bool add_health_result(Health& health, const HealthCheck& check, sys::Timestamp started_at,
                       HealthResult result);
// How long after the end of one check the next one begins.
int64_t next_health_delay(const Health& health, const HealthCheck& check, sys::Timestamp started_at,
                          sys::Timestamp now);

// As inspect's State.Health, and as it is stored.
nlohmann::json health_json(const Health& health);
Health parse_health(const nlohmann::json& value);

}  // namespace ctr::daemon
