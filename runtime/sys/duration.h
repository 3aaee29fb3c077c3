// Go's durations, in which the API's clients and Dockerfiles write times. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace ctr::sys {

// "1h30m", "1.5h", "300ms", "-2s", "0": in nanoseconds; nullopt for anything else and for what 64 bits
// cannot hold.
std::optional<int64_t> find_duration(std::string_view text);

}  // namespace ctr::sys
