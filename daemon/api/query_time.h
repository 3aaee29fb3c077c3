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

}  // namespace ctr::daemon
