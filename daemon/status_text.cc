#include "daemon/status_text.h"

#include <fmt/format.h>

#include <algorithm>

namespace ctr::daemon {

std::string human_duration(int64_t nanoseconds) {
  int64_t seconds = std::max<int64_t>(nanoseconds, 0) / 1'000'000'000;
  int64_t minutes = seconds / 60;
  // Hours are rounded, all else is cut: so does Docker.
  int64_t hours = (minutes + 30) / 60;
  if (seconds < 1) return "Less than a second";
  if (seconds == 1) return "1 second";
  if (seconds < 60) return fmt::format("{} seconds", seconds);
  if (minutes == 1) return "About a minute";
  if (minutes < 60) return fmt::format("{} minutes", minutes);
  if (hours == 1) return "About an hour";
  if (hours < 48) return fmt::format("{} hours", hours);
  if (hours < 24 * 7 * 2) return fmt::format("{} days", hours / 24);
  if (hours < 24 * 30 * 2) return fmt::format("{} weeks", hours / 24 / 7);
  if (hours < 24 * 365 * 2) return fmt::format("{} months", hours / 24 / 30);
  return fmt::format("{} years", hours / 24 / 365);
}

std::string status_text(const RunState& state, std::string_view health, sys::Timestamp now) {
  auto since = [now](sys::Timestamp time) {
    return human_duration(time == sys::zero_time ? 0 : now - time);
  };
  switch (state.status) {
    case Status::created:
      return "Created";
    case Status::removing:
      return "Removal In Progress";
    case Status::dead:
      return "Dead";
    case Status::paused:
      return fmt::format("Up {} (Paused)", since(state.started_at));
    case Status::restarting:
      return fmt::format("Restarting ({}) {} ago", state.exit_code, since(state.finished_at));
    case Status::exited:
      return fmt::format("Exited ({}) {} ago", state.exit_code, since(state.finished_at));
    case Status::running:
      break;
  }
  std::string text = "Up " + since(state.started_at);
  if (health == "starting") return text + " (health: starting)";
  return health.empty() ? text : fmt::format("{} ({})", text, health);
}

}  // namespace ctr::daemon
