// Amounts as Docker's users write them. Pure; errors are sys::Error{invalid_argument} that name the
// flag.
#pragma once

#include <cstdint>
#include <string_view>

namespace ctr::cli {

// "512", "64m", "1.5g", "2GiB": bytes, units are powers of 1024.
int64_t parse_size(std::string_view text, std::string_view flag);
// The same, or "-1" for "no limit".
int64_t parse_size_or_unlimited(std::string_view text, std::string_view flag);
// "1m30s", "500ms", "1.5h": nanoseconds, as Go writes them; "0" needs no unit.
int64_t parse_duration(std::string_view text, std::string_view flag);
// "1.5" CPUs: 1500000000 (a billionth of a CPU each), at most nine digits behind the point.
int64_t parse_nano_cpus(std::string_view text, std::string_view flag);
// A whole number within the limits.
int64_t parse_integer(std::string_view text, std::string_view flag, int64_t least, int64_t most);

}  // namespace ctr::cli
