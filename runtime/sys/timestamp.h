// Points in time as the Docker API and its logs write them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace ctr::sys {

// Nanoseconds since 1970-01-01T00:00:00Z; zero_time stands for Go's zero time.
using Timestamp = int64_t;
inline constexpr Timestamp zero_time = INT64_MIN;

Timestamp now();            // CLOCK_REALTIME
int64_t monotonic_now();    // CLOCK_BOOTTIME in nanoseconds: goes on in suspend, never jumps

// "2006-01-02T15:04:05.999999999Z" (RFC 3339, trailing zeros of the fraction cut as Go does);
// zero_time is "0001-01-01T00:00:00Z".
std::string format_timestamp(Timestamp time);
// Always nine digits of fraction: what `logs --timestamps` prints.
std::string format_timestamp_fixed(Timestamp time);
// Takes RFC 3339 with any fraction and any offset; nullopt for anything else.
std::optional<Timestamp> parse_timestamp(std::string_view text);

}  // namespace ctr::sys
