#include "daemon/server/target.h"

#include <algorithm>
#include <charconv>

#include "runtime/sys/error.h"

namespace ctr::daemon {

using sys::Error;
using sys::ErrorKind;

namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// The target's path and query: what follows the authority of the absolute form.
std::string_view origin_form(std::string_view text) {
  if (text.starts_with("/") || text == "*") return text;
  size_t scheme = text.find("://");
  if (scheme == std::string_view::npos)
    throw Error(ErrorKind::invalid_argument, fmt::format("invalid request target '{}'", text));
  size_t slash = text.find('/', scheme + 3);
  return slash == std::string_view::npos ? "/" : text.substr(slash);
}

// No overflow however many digits: beyond any version that will ever be, more makes no difference.
int version_number(std::string_view digits) {
  int number = 0;
  for (char c : digits) number = std::min(number * 10 + (c - '0'), 1'000'000);
  return number;
}

// "1.41", "2", "1.41.3": what Docker's own routes take for a version, [0-9.]+.
std::optional<ApiVersion> find_version(std::string_view text) {
  if (text.empty() || !is_digit(text[0])) return std::nullopt;
  if (!std::all_of(text.begin(), text.end(), [](char c) { return is_digit(c) || c == '.'; }))
    return std::nullopt;
  size_t dot = std::min(text.find('.'), text.size());
  std::string_view rest = text.substr(std::min(dot + 1, text.size()));
  return ApiVersion{version_number(text.substr(0, dot)),
                    version_number(rest.substr(0, rest.find('.')))};
}

void take_version(Target& target) {
  if (!target.path.starts_with("/v")) return;
  size_t slash = target.path.find('/', 1);
  if (slash == std::string::npos) return;
  std::string text = target.path.substr(2, slash - 2);
  target.version = find_version(text);
  if (!target.version) return;
  target.version_text = std::move(text);
  target.path.erase(0, slash);
}

std::vector<std::pair<std::string, std::string>> parse_query(std::string_view text) {
  std::vector<std::pair<std::string, std::string>> query;
  while (!text.empty()) {
    size_t end = std::min(text.find('&'), text.size());
    std::string_view item = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (item.empty()) continue;
    size_t equals = std::min(item.find('='), item.size());
    std::string_view value = item.substr(std::min(equals + 1, item.size()));
    query.emplace_back(percent_decode(item.substr(0, equals), true), percent_decode(value, true));
  }
  return query;
}

}  // namespace

std::optional<std::string> find_query(const Target& target, std::string_view name) {
  for (const auto& [key, value] : target.query)
    if (key == name) return value;
  return std::nullopt;
}

std::vector<std::string> find_all_queries(const Target& target, std::string_view name) {
  std::vector<std::string> values;
  for (const auto& [key, value] : target.query)
    if (key == name) values.push_back(value);
  return values;
}

bool parse_query_bool(std::string_view value) {
  auto equal = [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a - 'A' + 'a' : a) == b; };
  for (std::string_view no : {"", "0", "no", "false", "none"})
    if (std::equal(value.begin(), value.end(), no.begin(), no.end(), equal)) return false;
  return true;
}

int64_t parse_query_int(std::string_view name, std::string_view value) {
  int64_t number = 0;
  const char* end = value.data() + value.size();
  auto [stop, error] = std::from_chars(value.data(), end, number);
  if (error != std::errc() || stop != end)
    throw Error(ErrorKind::invalid_argument,
                fmt::format("invalid value \"{}\" for {}: not a number", value, name));
  return number;
}

std::string percent_decode(std::string_view text, bool plus_is_space) {
  std::string decoded;
  decoded.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '%') {
      int high = i + 1 < text.size() ? hex_digit(text[i + 1]) : -1;
      int low = i + 2 < text.size() ? hex_digit(text[i + 2]) : -1;
      if (high < 0 || low < 0)
        throw Error(ErrorKind::invalid_argument,
                    fmt::format("invalid URL escape \"{}\"", text.substr(i, 3)));
      c = static_cast<char>(high << 4 | low);
      i += 2;
    } else if (c == '+' && plus_is_space) {
      c = ' ';
    }
    if (c == '\0') throw Error(ErrorKind::invalid_argument, "invalid character NUL in the URL");
    decoded.push_back(c);
  }
  return decoded;
}

Target parse_target(std::string_view text) {
  text = origin_form(text);
  size_t question = std::min(text.find('?'), text.size());
  Target target;
  target.path = percent_decode(text.substr(0, question), false);
  while (target.path.starts_with("//")) target.path.erase(0, 1);
  take_version(target);
  target.query = parse_query(text.substr(std::min(question + 1, text.size())));
  return target;
}

ApiVersion expect_supported(const Target& target) {
  if (!target.version) return max_api_version;
  if (*target.version < min_api_version)
    throw Error(ErrorKind::invalid_argument,
                fmt::format("client version {} is too old. Minimum supported API version is {}.{}, "
                            "please upgrade your client to a newer version",
                            target.version_text, min_api_version.major, min_api_version.minor));
  if (*target.version > max_api_version)
    throw Error(ErrorKind::invalid_argument,
                fmt::format("client version {} is too new. Maximum supported API version is {}.{}",
                            target.version_text, max_api_version.major, max_api_version.minor));
  return *target.version;
}

}  // namespace ctr::daemon
