#include "runtime/sys/timestamp.h"

#include <fmt/format.h>
#include <time.h>

#include <charconv>

namespace ctr::sys {

namespace {

constexpr int64_t second = 1'000'000'000;

int64_t read_clock(clockid_t clock) {
  timespec time{};
  ::clock_gettime(clock, &time);
  return time.tv_sec * second + time.tv_nsec;
}

std::string date_and_time(int64_t seconds) {
  time_t value = seconds;
  tm parts{};
  ::gmtime_r(&value, &parts);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}", parts.tm_year + 1900, parts.tm_mon + 1,
                     parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec);
}

// Rounds towards the past, so that times before 1970 keep a positive fraction.
struct Split {
  int64_t seconds;
  int64_t nanoseconds;
};
Split split(Timestamp time) {
  int64_t seconds = time / second - (time % second < 0 ? 1 : 0);
  return {seconds, time - seconds * second};
}

// Reads exactly `count` digits.
std::optional<int> take_number(std::string_view& text, size_t count) {
  if (text.size() < count) return std::nullopt;
  int value = 0;
  for (char c : text.substr(0, count)) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + (c - '0');
  }
  text.remove_prefix(count);
  return value;
}

bool take(std::string_view& text, std::string_view any_of) {
  if (text.empty() || any_of.find(text[0]) == std::string_view::npos) return false;
  text.remove_prefix(1);
  return true;
}

std::optional<int64_t> take_fraction(std::string_view& text) {
  int64_t value = 0;
  int digits = 0;
  for (; !text.empty() && text[0] >= '0' && text[0] <= '9'; text.remove_prefix(1))
    if (digits < 9) {
      value = value * 10 + (text[0] - '0');
      ++digits;
    }
  if (digits == 0) return std::nullopt;
  for (; digits < 9; ++digits) value *= 10;
  return value;
}

std::optional<int64_t> take_offset(std::string_view& text) {
  if (take(text, "Zz")) return 0;
  if (text.empty() || (text[0] != '+' && text[0] != '-')) return std::nullopt;
  int sign = text[0] == '-' ? -1 : 1;
  text.remove_prefix(1);
  std::optional<int> hours = take_number(text, 2);
  if (!hours || !take(text, ":")) return std::nullopt;
  std::optional<int> minutes = take_number(text, 2);
  if (!minutes || *hours > 23 || *minutes > 59) return std::nullopt;
  return sign * (*hours * 3600 + *minutes * 60);
}

}  // namespace

Timestamp now() {
  return read_clock(CLOCK_REALTIME);
}
int64_t monotonic_now() {
  return read_clock(CLOCK_BOOTTIME);
}

std::string format_timestamp(Timestamp time) {
  if (time == zero_time) return "0001-01-01T00:00:00Z";
  Split parts = split(time);
  std::string text = date_and_time(parts.seconds);
  if (parts.nanoseconds != 0) {
    text += fmt::format(".{:09}", parts.nanoseconds);
    while (text.back() == '0') text.pop_back();
  }
  return text + "Z";
}

std::string format_timestamp_fixed(Timestamp time) {
  Split parts = split(time == zero_time ? 0 : time);
  return fmt::format("{}.{:09}Z", date_and_time(parts.seconds), parts.nanoseconds);
}

std::optional<Timestamp> parse_timestamp(std::string_view text) {
  auto year = take_number(text, 4);
  if (!year || !take(text, "-")) return std::nullopt;
  auto month = take_number(text, 2);
  if (!month || !take(text, "-")) return std::nullopt;
  auto day = take_number(text, 2);
  if (!day || !take(text, "Tt ")) return std::nullopt;
  auto hour = take_number(text, 2);
  if (!hour || !take(text, ":")) return std::nullopt;
  auto minute = take_number(text, 2);
  if (!minute || !take(text, ":")) return std::nullopt;
  auto seconds = take_number(text, 2);
  if (!seconds) return std::nullopt;
  int64_t fraction = 0;
  if (take(text, ".")) {
    auto value = take_fraction(text);
    if (!value) return std::nullopt;
    fraction = *value;
  }
  auto offset = take_offset(text);
  if (!offset || !text.empty()) return std::nullopt;
  if (*month < 1 || *month > 12 || *day < 1 || *day > 31 || *hour > 23 || *minute > 59 ||
      *seconds > 60)
    return std::nullopt;
  if (*year == 1 && *month == 1 && *day == 1) return zero_time;
  if (*year < 1678 || *year > 2261) return std::nullopt;  // beyond what 64 bits hold
  tm parts{};
  parts.tm_year = *year - 1900;
  parts.tm_mon = *month - 1;
  parts.tm_mday = *day;
  parts.tm_hour = *hour;
  parts.tm_min = *minute;
  parts.tm_sec = *seconds;
  return (static_cast<int64_t>(::timegm(&parts)) - *offset) * second + fraction;
}

}  // namespace ctr::sys
