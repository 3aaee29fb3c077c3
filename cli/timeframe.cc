#include "cli/timeframe.h"

#include <algorithm>
#include <charconv>
#include <ctime>
#include <optional>

#include "runtime/sys/duration.h"
#include "runtime/sys/error.h"

namespace ctr::cli {

namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// "12" or "12.5": already what the API takes.
bool is_seconds(std::string_view text) {
  size_t point = std::min(text.find('.'), text.size());
  std::string_view fraction = text.substr(std::min(point + 1, text.size()));
  auto digits = [](std::string_view part) {
    return std::all_of(part.begin(), part.end(), is_digit);
  };
  return point > 0 && digits(text.substr(0, point)) && digits(fraction);
}

// Reads a calendar time piece by piece.
class TimeReader {
 public:
  explicit TimeReader(std::string_view text) : rest_(text) {}

  // nullopt if it is no time. "2026-01-31[T10:00[:05[.123456789]]][Z|+02:00]"
  std::optional<std::string> read() {
    tm parts{};
    if (!number(4, parts.tm_year) || !literal('-') || !number(2, parts.tm_mon) || !literal('-') ||
        !number(2, parts.tm_mday))
      return std::nullopt;
    parts.tm_year -= 1900;
    parts.tm_mon -= 1;
    parts.tm_isdst = -1;
    bool has_time = literal('T') || literal(' ');
    if (has_time && (!number(2, parts.tm_hour) || !literal(':') || !number(2, parts.tm_min)))
      return std::nullopt;
    if (has_time && literal(':') && !number(2, parts.tm_sec)) return std::nullopt;
    std::string fraction = literal('.') ? digits() : "";
    if (fraction.size() > 9 || !in_range(parts)) return std::nullopt;
    std::optional<int> offset = zone();
    if (!rest_.empty()) return std::nullopt;
    int64_t seconds = offset ? timegm(&parts) - *offset : mktime(&parts);
    fraction.resize(9, '0');
    return fmt::format("{}.{}", seconds, fraction);
  }

 private:
  static bool in_range(const tm& t) {
    return t.tm_mon >= 0 && t.tm_mon < 12 && t.tm_mday >= 1 && t.tm_mday <= 31 && t.tm_hour < 24 &&
           t.tm_min < 60 && t.tm_sec <= 60;
  }

  bool literal(char c) {
    if (!rest_.starts_with(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }

  bool number(size_t count, int& value) {
    std::string_view text = rest_.substr(0, count);
    if (text.size() < count || !std::all_of(text.begin(), text.end(), is_digit)) return false;
    std::from_chars(text.data(), text.data() + count, value);
    rest_.remove_prefix(count);
    return true;
  }

  std::string digits() {
    size_t count = 0;
    while (count < rest_.size() && is_digit(rest_[count])) ++count;
    std::string text(rest_.substr(0, count));
    rest_.remove_prefix(count);
    return text;
  }

  // Seconds east of UTC; nullopt without a zone.
  std::optional<int> zone() {
    if (literal('Z')) return 0;
    int sign = rest_.starts_with('-') ? -1 : 1, hours = 0, minutes = 0;
    std::string_view before = rest_;
    if ((literal('+') || literal('-')) && number(2, hours) && literal(':') && number(2, minutes))
      return sign * (hours * 3600 + minutes * 60);
    rest_ = before;
    return std::nullopt;
  }

  std::string_view rest_;
};

}  // namespace

std::string parse_point_in_time(std::string_view text, int64_t now_seconds) {
  if (is_seconds(text)) return std::string(text);
  if (std::optional<int64_t> duration = sys::find_duration(text))
    return std::to_string(now_seconds - *duration / 1'000'000'000);
  if (std::optional<std::string> time = TimeReader(text).read()) return *time;
  throw sys::Error(sys::ErrorKind::invalid_argument,
                   fmt::format("\"{}\" is no point in time: give a duration back from now (10m), a "
                               "time (2026-01-31T10:00:00) or seconds since 1970",
                               text));
}

}  // namespace ctr::cli
