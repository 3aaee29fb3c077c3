// The window size of a terminal, as POST …/resize?h=&w= gives it.
#pragma once

#include <cstdint>
#include <utility>

#include "daemon/server/exchange.h"

namespace ctr::daemon {

// (rows, columns). Throws Error{invalid_argument} for what is missing, no number or out of range
// (E11).
std::pair<uint16_t, uint16_t> read_terminal_size(const Exchange& exchange);

}  // namespace ctr::daemon
