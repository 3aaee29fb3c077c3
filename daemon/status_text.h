// The words of `ps`: "Up 3 seconds", "Exited (0) 2 minutes ago".
// Pure; runs in: ctrd.
#pragma once

#include <string>
#include <string_view>

#include "daemon/container_state.h"

namespace ctr::daemon {

// "Less than a second", "3 seconds", "About a minute", "2 hours", "5 weeks" …: Docker's rounding.
std::string human_duration(int64_t nanoseconds);

// `health` is "", "starting", "healthy" or "unhealthy".
std::string status_text(const RunState& state, std::string_view health, sys::Timestamp now);

}  // namespace ctr::daemon
