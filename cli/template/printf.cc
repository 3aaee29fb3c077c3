// printf of templates: Go's verbs and flags, where C's differ in more than a letter.
#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

#include "cli/template/functions.h"
#include "cli/template/utf8.h"
#include "runtime/sys/error.h"

namespace ctr::cli {

namespace {

constexpr int width_limit = 1 << 16;

struct Directive {
  bool minus = false, plus = false, sharp = false, space = false, zero = false;
  int width = 0;
  int precision = -1;
  char32_t verb = 0;
};

std::string bad_verb(const Directive& directive, const Value& value) {
  std::string text = "%!";
  append_utf8(text, directive.verb);
  if (value.is_nil()) return text + "(<nil>)";
  return text + fmt::format("({}={})", value.type_name(), value.text());
}

std::string format_string(const Directive& directive, const std::string& value) {
  std::string text = value;
  if (directive.precision >= 0)
    text = first_characters(value, static_cast<size_t>(directive.precision));
  switch (directive.verb) {
    case 'q':
      return quote(text);
    case 'x':
    case 'X': {
      std::string hex;
      for (unsigned char byte : text)
        hex += directive.verb == 'x' ? fmt::format("{:02x}", byte) : fmt::format("{:02X}", byte);
      return hex;
    }
    default:
      return text;
  }
}

std::string digits(uint64_t number, int base, bool capitals) {
  char buffer[64];
  auto [end, code] = std::to_chars(buffer, buffer + sizeof buffer, number, base);
  std::string text(buffer, end);
  if (capitals)
    for (char& c : text) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  return text;
}

std::string format_integer(const Directive& directive, int64_t number) {
  char32_t verb = directive.verb;
  if (verb == 'c' || verb == 'q') {
    std::string text;
    append_utf8(text, static_cast<char32_t>(number));
    return verb == 'c' ? text : "'" + text + "'";
  }
  if (verb == 'U') return fmt::format("U+{:04X}", number);
  int base = verb == 'b' ? 2 : verb == 'o' ? 8 : verb == 'x' || verb == 'X' ? 16 : 10;
  uint64_t magnitude =
      number < 0 ? 0 - static_cast<uint64_t>(number) : static_cast<uint64_t>(number);
  std::string text = digits(magnitude, base, verb == 'X');
  std::string sign = number < 0 ? "-" : directive.plus ? "+" : directive.space ? " " : "";
  if (directive.sharp && base != 10)
    sign += base == 16 ? (verb == 'X' ? "0X" : "0x") : base == 8 ? "0" : "0b";
  size_t least = directive.precision > 0 ? static_cast<size_t>(directive.precision) : 0;
  if (directive.zero && !directive.minus && directive.precision < 0)
    least = static_cast<size_t>(std::max<int>(directive.width - static_cast<int>(sign.size()), 0));
  if (text.size() < least) text.insert(0, least - text.size(), '0');
  return sign + text;
}

std::string format_float(const Directive& directive, double number) {
  std::string sign = number < 0 ? "" : directive.plus ? "+" : directive.space ? " " : "";
  int precision = directive.precision;
  std::string text;
  switch (directive.verb) {
    case 'e':
      text = fmt::format("{:.{}e}", number, precision < 0 ? 6 : precision);
      break;
    case 'E':
      text = fmt::format("{:.{}E}", number, precision < 0 ? 6 : precision);
      break;
    case 'f':
    case 'F':
      text = fmt::format("{:.{}f}", number, precision < 0 ? 6 : precision);
      break;
    default:
      text = precision < 0 ? print_float(number) : fmt::format("{:.{}g}", number, precision);
  }
  text = sign + text;
  size_t width = static_cast<size_t>(directive.width);
  if (directive.zero && !directive.minus && text.size() < width) {
    size_t at = text[0] == '-' || text[0] == '+' ? 1 : 0;
    text.insert(at, width - text.size(), '0');
  }
  return text;
}

bool one_of(char32_t verb, std::string_view verbs) {
  return verb < 0x80 && verbs.find(static_cast<char>(verb)) != verbs.npos;
}

std::string format_value(const Directive& directive, const Value& value) {
  const Json& json = value.json();
  char32_t verb = directive.verb;
  if (verb == 'T') return value.type_name();
  if (verb == 'v' && (json.is_object() || json.is_array() || json.is_null()))
    return value.missing() ? "<nil>" : value.text();
  if (json.is_string() && one_of(verb, "svqxX"))
    return format_string(directive, json.get_ref<const std::string&>());
  if (json.is_number_integer() && one_of(verb, "vdboxXcqU"))
    return format_integer(directive, json.get<int64_t>());
  if (json.is_number_float() && one_of(verb, "veEfFgG"))
    return format_float(directive, json.get<double>());
  if (json.is_boolean() && one_of(verb, "vt")) return value.text();
  if (!json.is_array() && !json.is_object()) return bad_verb(directive, value);
  // A list prints each of its elements by the verb.
  std::string text = "[";
  for (const auto& [key, element] : json.items()) {
    if (text.size() > 1) text += ' ';
    if (json.is_object()) text += key + ":";
    text += format_value(directive, Value(Json(element)));
  }
  return (json.is_object() ? "map" : "") + text + "]";
}

class Formatter {
 public:
  Formatter(std::string_view format, std::span<const Value> arguments)
      : format_(format), arguments_(arguments) {}

  std::string run() {
    while (at_ < format_.size()) {
      if (format_[at_] == '%')
        print_directive();
      else
        result_ += format_[at_++];
    }
    if (next_ < arguments_.size()) add_extra();
    return std::move(result_);
  }

 private:
  void print_directive() {
    ++at_;
    Directive directive;
    parse_flags(directive);
    directive.width = parse_number(0);
    if (directive.width < 0) {
      directive.minus = true;
      directive.width = -directive.width;
    }
    if (at_ < format_.size() && format_[at_] == '.') {
      ++at_;
      directive.precision = std::max(parse_number(0), 0);
    }
    if (at_ >= format_.size()) {
      result_ += "%!(NOVERB)";
      return;
    }
    directive.verb = decode_utf8(format_, at_);
    if (directive.verb == '%') {
      result_ += '%';
    } else if (next_ >= arguments_.size()) {
      result_ += "%!";
      append_utf8(result_, directive.verb);
      result_ += "(MISSING)";
    } else {
      add_padded(directive, format_value(directive, arguments_[next_++]));
    }
  }

  void parse_flags(Directive& directive) {
    for (; at_ < format_.size(); ++at_) {
      switch (format_[at_]) {
        case '-':
          directive.minus = true;
          break;
        case '+':
          directive.plus = true;
          break;
        case '#':
          directive.sharp = true;
          break;
        case ' ':
          directive.space = true;
          break;
        case '0':
          directive.zero = true;
          break;
        default:
          return;
      }
    }
  }

  // Digits, or `*` for the next argument.
  int parse_number(int absent) {
    if (at_ < format_.size() && format_[at_] == '*') {
      ++at_;
      if (next_ >= arguments_.size() || !arguments_[next_].json().is_number_integer())
        return absent;
      auto number = arguments_[next_++].json().get<int64_t>();
      return static_cast<int>(std::clamp<int64_t>(number, -width_limit, width_limit));
    }
    int number = absent;
    for (; at_ < format_.size() && format_[at_] >= '0' && format_[at_] <= '9'; ++at_)
      number = std::min(number * 10 + (format_[at_] - '0'), width_limit);
    return number;
  }

  void add_padded(const Directive& directive, const std::string& text) {
    size_t characters = count_characters(text), width = static_cast<size_t>(directive.width);
    std::string padding(width > characters ? width - characters : 0, ' ');
    result_ += directive.minus ? text + padding : padding + text;
  }

  void add_extra() {
    result_ += "%!(EXTRA ";
    for (size_t first = next_; next_ < arguments_.size(); ++next_) {
      if (next_ > first) result_ += ", ";
      result_ += arguments_[next_].type_name() + "=" + arguments_[next_].text();
    }
    result_ += ')';
  }

  std::string_view format_;
  std::span<const Value> arguments_;
  size_t at_ = 0;
  size_t next_ = 0;
  std::string result_;
};

}  // namespace

std::string print_formatted(std::string_view format, std::span<const Value> arguments) {
  return Formatter(format, arguments).run();
}

std::string quote(std::string_view text) {
  constexpr std::string_view plain = "\a\b\f\n\r\t\v\\\"", letters = "abfnrtv\\\"";
  std::string quoted = "\"";
  for (size_t at = 0; at < text.size();) {
    size_t start = at;
    char32_t character = decode_utf8(text, at);
    char c = text[start];
    if (size_t i = plain.find(c); i != plain.npos)
      quoted += {'\\', letters[i]};
    else if (character < 0x20 || character == 0x7F || (character == 0xFFFD && at - start == 1))
      quoted += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    else
      quoted += text.substr(start, at - start);
  }
  return quoted + "\"";
}

}  // namespace ctr::cli
