#include "cli/quantities.h"

#include <charconv>
#include <cmath>

#include "runtime/sys/duration.h"
#include "runtime/sys/error.h"

namespace ctr::cli {

namespace {

[[noreturn]] void invalid(std::string_view text, std::string_view flag, std::string_view advice) {
  throw sys::Error(sys::ErrorKind::invalid_argument,
                   fmt::format("invalid argument \"{}\" for \"{}\" flag: {}", text, flag, advice));
}

// Takes "12", "1.5" or ".5" from the front; nullopt-like: returns false if there is none.
bool take_number(std::string_view& text, double& number) {
  size_t length = 0;
  size_t points = 0;
  size_t digits = 0;
  for (; length < text.size(); ++length) {
    if (text[length] == '.')
      ++points;
    else if (text[length] >= '0' && text[length] <= '9')
      ++digits;
    else
      break;
  }
  if (digits == 0 || points > 1) return false;
  std::from_chars(text.data(), text.data() + length, number, std::chars_format::fixed);
  text.remove_prefix(length);
  return true;
}

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

// "k", "kb", "kib", "b" and nothing, in any case; -1 for anything else.
int unit_power(std::string_view unit) {
  constexpr std::string_view units = "kmgtp";
  int power = 0;
  if (!unit.empty() && units.find(lower(unit[0])) != std::string_view::npos) {
    power = static_cast<int>(units.find(lower(unit[0]))) + 1;
    unit.remove_prefix(1);
    if (!unit.empty() && lower(unit[0]) == 'i') unit.remove_prefix(1);
  }
  if (!unit.empty() && lower(unit[0]) == 'b') unit.remove_prefix(1);
  return unit.empty() ? power : -1;
}

}  // namespace

int64_t parse_size(std::string_view text, std::string_view flag) {
  std::string_view rest = text;
  double number = 0;
  bool valid = take_number(rest, number);
  if (!rest.empty() && rest[0] == ' ') rest.remove_prefix(1);
  int power = unit_power(rest);
  if (!valid || power < 0) invalid(text, flag, "say a size such as 512m or 1.5g");
  double bytes = number * std::pow(1024.0, power);
  if (bytes >= 9.2e18) invalid(text, flag, "it is too large");
  return static_cast<int64_t>(bytes);
}

int64_t parse_size_or_unlimited(std::string_view text, std::string_view flag) {
  return text == "-1" ? -1 : parse_size(text, flag);
}

int64_t parse_duration(std::string_view text, std::string_view flag) {
  const std::optional<int64_t> duration = sys::find_duration(text);
  if (!duration || *duration < 0) invalid(text, flag, "say a duration such as 30s, 1m30s or 500ms");
  return *duration;
}

int64_t parse_nano_cpus(std::string_view text, std::string_view flag) {
  constexpr size_t precision = 9;
  size_t point = text.find('.');
  std::string digits(text.substr(0, point));
  std::string fraction(point == std::string_view::npos ? "" : text.substr(point + 1));
  if (digits.empty() && fraction.empty()) invalid(text, flag, "say a number of CPUs such as 1.5");
  if (fraction.size() > precision) invalid(text, flag, "it has more than nine decimals");
  fraction.resize(precision, '0');
  digits += fraction;
  int64_t value = 0;
  auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  bool whole = end == digits.data() + digits.size() && error == std::errc();
  if (!whole || value < 0) invalid(text, flag, "say a number of CPUs such as 1.5");
  return value;
}

int64_t parse_integer(std::string_view text, std::string_view flag, int64_t least, int64_t most) {
  int64_t value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < least || value > most)
    invalid(text, flag, fmt::format("say a number from {} to {}", least, most));
  return value;
}

}  // namespace ctr::cli
