// --since and --until: points in time as users write them, for the API. Pure, but for the local
// time zone, which a time without a zone is in.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace ctr::cli {

// Seconds since 1970, perhaps with a fraction, as the API takes them. Understands a duration before
// `now_seconds` ("10m"), a time ("2026-01-31", "2026-01-31T10:00", with seconds, a fraction, a
// zone) and what is already a number of seconds. Throws sys::Error for anything else.
std::string parse_point_in_time(std::string_view text, int64_t now_seconds);

}  // namespace ctr::cli
