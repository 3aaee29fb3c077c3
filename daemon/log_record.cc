#include "daemon/log_record.h"

#include <fmt/format.h>

#include <cstdint>

namespace ctr::daemon {

namespace {

constexpr std::string_view record_start = "{\"log\":\"";

// Reads one record from left to right. Everything returns false at the first thing that is not as
// it must be.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : rest_(text) {}

  bool record(LogRecord& record) {
    if (!take('{')) return false;
    do {
      std::string name;
      if (!string(name) || !take(':') || !member(name, record)) return false;
    } while (take(','));
    return take('}') && rest_.find_first_not_of(" \r\n") == std::string_view::npos;
  }

 private:
  bool member(const std::string& name, LogRecord& record) {
    if (name == "attrs") return string_map(record.attributes);
    std::string value;
    if (!string(value)) return false;
    if (name == "log") record.text = std::move(value);
    if (name == "stream") record.is_stderr = value == "stderr";
    if (name != "time") return true;
    std::optional<sys::Timestamp> time = sys::parse_timestamp(value);
    record.time = time.value_or(sys::zero_time);
    return time.has_value();
  }

  bool string_map(std::map<std::string, std::string>& map) {
    if (!take('{')) return false;
    if (take('}')) return true;
    do {
      std::string name;
      std::string value;
      if (!string(name) || !take(':') || !string(value)) return false;
      map[std::move(name)] = std::move(value);
    } while (take(','));
    return take('}');
  }

  bool take(char wanted) {
    while (!rest_.empty() && rest_[0] == ' ') rest_.remove_prefix(1);
    if (rest_.empty() || rest_[0] != wanted) return false;
    rest_.remove_prefix(1);
    return true;
  }

  bool string(std::string& text) {
    if (!take('"')) return false;
    while (true) {
      size_t special = rest_.find_first_of("\"\\");
      if (special == std::string_view::npos) return false;
      text.append(rest_.substr(0, special));
      char found = rest_[special];
      rest_.remove_prefix(special + 1);
      if (found == '"') return true;
      if (!escape(text)) return false;
    }
  }

  bool escape(std::string& text) {
    if (rest_.empty()) return false;
    char kind = rest_[0];
    rest_.remove_prefix(1);
    switch (kind) {
      case 'n':
        text += '\n';
        return true;
      case 't':
        text += '\t';
        return true;
      case 'r':
        text += '\r';
        return true;
      case 'b':
        text += '\b';
        return true;
      case 'f':
        text += '\f';
        return true;
      case 'u':
        return unicode(text);
      default:
        text += kind;
        return kind == '"' || kind == '\\' || kind == '/';
    }
  }

  bool hexadecimal(uint32_t& value) {
    if (rest_.size() < 4) return false;
    for (char c : rest_.substr(0, 4)) {
      uint32_t digit = c >= '0' && c <= '9'   ? static_cast<uint32_t>(c - '0')
                       : c >= 'a' && c <= 'f' ? static_cast<uint32_t>(c - 'a' + 10)
                       : c >= 'A' && c <= 'F' ? static_cast<uint32_t>(c - 'A' + 10)
                                              : 16;
      if (digit == 16) return false;
      value = value << 4 | digit;
    }
    rest_.remove_prefix(4);
    return true;
  }

  bool unicode(std::string& text) {
    uint32_t code = 0;
    if (!hexadecimal(code)) return false;
    bool high = code >= 0xd800 && code < 0xdc00;
    if (high && rest_.starts_with("\\u")) {
      rest_.remove_prefix(2);
      uint32_t low = 0;
      if (!hexadecimal(low)) return false;
      if (low < 0xdc00 || low > 0xdfff)
        code = low = 0xfffd;
      else
        code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
    }
    append_utf8(text, code >= 0xd800 && code < 0xe000 ? 0xfffd : code);
    return true;
  }

  static void append_utf8(std::string& text, uint32_t code) {
    auto tail = [&](int shift) { text += static_cast<char>(0x80 | ((code >> shift) & 0x3f)); };
    if (code < 0x80) {
      text += static_cast<char>(code);
    } else if (code < 0x800) {
      text += static_cast<char>(0xc0 | code >> 6);
      tail(0);
    } else if (code < 0x10000) {
      text += static_cast<char>(0xe0 | code >> 12);
      tail(6);
      tail(0);
    } else {
      text += static_cast<char>(0xf0 | code >> 18);
      tail(12);
      tail(6);
      tail(0);
    }
  }

  std::string_view rest_;
};

// As in a URL's query: Docker's clients split at "," and "=" and decode the rest.
std::string query_escape(std::string_view text) {
  std::string escaped;
  for (char c : text) {
    bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                 std::string_view("-_.~").find(c) != std::string_view::npos;
    if (plain)
      escaped += c;
    else if (c == ' ')
      escaped += '+';
    else
      escaped += fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return escaped;
}

}  // namespace

std::optional<LogRecord> parse_log_record(std::string_view line) {
  LogRecord record;
  if (Scanner(line).record(record)) return record;
  size_t start = line.rfind(record_start);
  if (start == 0 || start == std::string_view::npos) return std::nullopt;
  LogRecord at_end;
  if (Scanner(line.substr(start)).record(at_end)) return at_end;
  return std::nullopt;
}

std::string log_record_prefix(const LogRecord& record, bool timestamps, bool details) {
  std::string prefix;
  if (timestamps) prefix += sys::format_timestamp_fixed(record.time) + " ";
  if (!details) return prefix;
  std::string separator;
  for (const auto& [name, value] : record.attributes) {
    prefix += separator + query_escape(name) + "=" + query_escape(value);
    separator = ",";
  }
  return prefix + " ";
}

}  // namespace ctr::daemon
