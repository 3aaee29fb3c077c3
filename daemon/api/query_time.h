// The times of `since` and `until`: clients send seconds since 1970, with a fraction or without, or
// RFC 3339. Pure.
#pragma once

#include <optional>
#include <string_view>

#include "runtime/sys/timestamp.h"

namespace ctr::daemon {

// nullopt for "" and "0" where they mean "not asked for". Throws Error{invalid_argument} for what
// is no time; durations ("10m") are the client's to turn into one.
std::optional<sys::Timestamp> parse_query_time(std::string_view name, std::string_view text);

// The filter `until` of prune requests and lists, which clients send as it was typed: it may also be a
// duration before `now`, as Go writes them ("10m", "1h30m", "1.5h").
std::optional<sys::Timestamp> parse_until_filter(std::string_view text, sys::Timestamp now);

}  // namespace ctr::daemon
