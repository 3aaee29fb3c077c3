#include "runtime/sys/duration.h"

#include <charconv>

namespace ctr::sys {

namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

struct Unit {
  std::string_view name;
  int64_t nanoseconds;
};
// Longer names before those that they begin with.
constexpr Unit units[] = {
    {"ns", 1},         {"us", 1'000},        {"µs", 1'000},         {"μs", 1'000},
    {"ms", 1'000'000}, {"s", 1'000'000'000}, {"m", 60'000'000'000}, {"h", 3'600'000'000'000}};

// "1.5" of "1.5h30m"; leaves the rest in `text`.
std::optional<double> take_number(std::string_view& text) {
  size_t length = 0;
  while (length < text.size() && (is_digit(text[length]) || text[length] == '.')) ++length;
  double number = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + length, number);
  if (length == 0 || error != std::errc() || end != text.data() + length) return std::nullopt;
  text.remove_prefix(length);
  return number;
}

std::optional<int64_t> take_unit(std::string_view& text) {
  for (const Unit& unit : units) {
    if (!text.starts_with(unit.name)) continue;
    text.remove_prefix(unit.name.size());
    return unit.nanoseconds;
  }
  return std::nullopt;
}

}  // namespace

std::optional<int64_t> find_duration(std::string_view text) {
  bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  if (text == "0") return 0;
  if (text.empty()) return std::nullopt;
  double total = 0;
  while (!text.empty()) {
    std::optional<double> number = take_number(text);
    std::optional<int64_t> unit = take_unit(text);
    if (!number || !unit) return std::nullopt;
    total += *number * static_cast<double>(*unit);
  }
  if (total >= 9.2e18) return std::nullopt;
  auto nanoseconds = static_cast<int64_t>(total);
  return negative ? -nanoseconds : nanoseconds;
}

}  // namespace ctr::sys
