#include "daemon/api/query_time.h"

#include <charconv>

#include "runtime/sys/error.h"

namespace ctr::daemon {

namespace {

constexpr int64_t nanoseconds = 1'000'000'000;

std::optional<int64_t> find_number(std::string_view digits) {
  int64_t number = 0;
  auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return number;
}

// "1136073600.000000001": up to nine digits of fraction, each counted from the point.
std::optional<sys::Timestamp> find_seconds(std::string_view text) {
  size_t point = text.find('.');
  std::optional<int64_t> seconds = find_number(text.substr(0, point));
  if (!seconds || *seconds < 0 || *seconds > INT64_MAX / nanoseconds - 1) return std::nullopt;
  if (point == std::string_view::npos) return *seconds * nanoseconds;
  std::string fraction(text.substr(point + 1, 9));
  fraction.resize(9, '0');
  std::optional<int64_t> rest = find_number(fraction);
  if (!rest || *rest < 0) return std::nullopt;
  return *seconds * nanoseconds + *rest;
}

}  // namespace

std::optional<sys::Timestamp> parse_query_time(std::string_view name, std::string_view text) {
  if (text.empty() || text == "0") return std::nullopt;
  if (auto time = find_seconds(text)) return time;
  if (auto time = sys::parse_timestamp(text)) return time;
  throw sys::Error(sys::ErrorKind::invalid_argument,
                   fmt::format("invalid value for \"{}\": \"{}\" is not a time", name, text));
}

}  // namespace ctr::daemon
