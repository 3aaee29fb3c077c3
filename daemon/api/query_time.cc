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

// Of one of Go's units; longer names first, because "m" begins "ms".
std::optional<double> find_unit(std::string_view& text) {
  struct Unit {
    std::string_view name;
    double nanoseconds;
  };
  static constexpr Unit units[] = {{"ns", 1},   {"us", 1e3}, {"µs", 1e3},   {"ms", 1e6},
                                   {"h", 3600e9}, {"m", 60e9}, {"s", 1e9}};
  for (const Unit& unit : units)
    if (text.starts_with(unit.name)) {
      text.remove_prefix(unit.name.size());
      return unit.nanoseconds;
    }
  return std::nullopt;
}

// "1h30m" in nanoseconds.
std::optional<int64_t> find_duration(std::string_view text) {
  constexpr double longest = 290.0 * 365 * 86400 * 1e9;  // years: more is before 1970, whatever the time
  double sum = 0;
  if (text.empty()) return std::nullopt;
  while (!text.empty()) {
    double number = 0;
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
    if (error != std::errc() || number < 0) return std::nullopt;
    text.remove_prefix(static_cast<size_t>(end - text.data()));
    std::optional<double> unit = find_unit(text);
    if (!unit) return std::nullopt;
    sum += number * *unit;
    if (sum > longest) return std::nullopt;
  }
  return static_cast<int64_t>(sum);
}

}  // namespace

std::optional<sys::Timestamp> parse_until_filter(std::string_view text, sys::Timestamp now) {
  if (std::optional<int64_t> duration = find_duration(text)) return now - *duration;
  return parse_query_time("until", text);
}

std::optional<sys::Timestamp> parse_query_time(std::string_view name, std::string_view text) {
  if (text.empty() || text == "0") return std::nullopt;
  if (auto time = find_seconds(text)) return time;
  if (auto time = sys::parse_timestamp(text)) return time;
  throw sys::Error(sys::ErrorKind::invalid_argument,
                   fmt::format("invalid value for \"{}\": \"{}\" is not a time", name, text));
}

}  // namespace ctr::daemon
