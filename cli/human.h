// Sizes, durations and times as people read them, in the docker client's words. Pure, but for the
// local time zone.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace ctr::cli {

// Powers of 1000 with `digits` significant digits: "7.8MB" (3), "7.798MB" (4), "0B".
std::string human_size(double bytes, int digits = 3);
// Powers of 1024: "7.755GiB".
std::string human_binary_size(double bytes);

// "Less than a second", "About a minute", "3 weeks", …
std::string human_duration(int64_t seconds);

// "2026-09-26 22:53:28 +0000 UTC" and "2026-09-26T22:53:28Z", in the local time zone.
std::string local_time(int64_t unix_seconds);
std::string local_rfc3339(int64_t unix_seconds);
// The same with nanoseconds, always nine digits: how `events` marks its lines.
std::string local_rfc3339_nano(int64_t unix_nanoseconds);

// Twelve digits of an id, without "sha256:".
std::string short_id(std::string_view id);
bool is_full_id(std::string_view text);  // 64 hexadecimal digits, perhaps behind "sha256:"

// At most `width` columns wide; where something was cut, the last is "…".
std::string ellipsis(std::string_view text, size_t width);

}  // namespace ctr::cli
