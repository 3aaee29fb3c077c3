#include "daemon/routes/terminal_size.h"

#include "runtime/sys/error.h"

namespace ctr::daemon {

namespace {

uint16_t read_side(const Exchange& exchange, std::string_view name) {
  int64_t value = exchange.query_int(name).value_or(-1);
  if (value < 0 || value > 65535)
    throw sys::Error(
        sys::ErrorKind::invalid_argument,
        fmt::format("invalid terminal size: '{}' must be a number from 0 to 65535", name));
  return static_cast<uint16_t>(value);
}

}  // namespace

std::pair<uint16_t, uint16_t> read_terminal_size(const Exchange& exchange) {
  return {read_side(exchange, "h"), read_side(exchange, "w")};
}

}  // namespace ctr::daemon
