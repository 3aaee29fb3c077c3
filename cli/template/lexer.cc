#include "cli/template/lexer.h"

#include <algorithm>
#include <optional>

#include "cli/template/utf8.h"
#include "runtime/sys/error.h"

namespace ctr::cli {

void throw_template_error(std::string_view source, size_t offset, const std::string& message) {
  std::string_view before = source.substr(0, std::min(offset, source.size()));
  auto line = std::count(before.begin(), before.end(), '\n') + 1;
  size_t line_start = before.rfind('\n') == before.npos ? 0 : before.rfind('\n') + 1;
  throw sys::Error(sys::ErrorKind::invalid_argument,
                   fmt::format("template parsing error: template: :{}:{}: {}", line,
                               before.size() - line_start + 1, message));
}

namespace {

constexpr std::string_view spaces = " \t\r\n";

bool is_space(char c) {
  return spaces.find(c) != spaces.npos;
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
// A byte above 0x7f is a part of a letter: names may be in any script.
bool is_name_char(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
         static_cast<unsigned char>(c) >= 0x80;
}

class Lexer {
 public:
  explicit Lexer(std::string_view source) : source_(source) {}

  std::vector<Token> run() {
    while (at_ < source_.size()) {
      lex_text();
      if (at_ < source_.size()) lex_action();
    }
    add(TokenKind::end, "", at_);
    return std::move(tokens_);
  }

 private:
  void lex_text() {
    size_t open = source_.find("{{", at_);
    size_t stop = std::min(open, source_.size());
    std::string_view text = source_.substr(at_, stop - at_);
    if (trim_next_text_) text.remove_prefix(std::min(text.find_first_not_of(spaces), text.size()));
    if (open != source_.npos && trims_left(open)) {
      size_t last = text.find_last_not_of(spaces);
      text = text.substr(0, last == text.npos ? 0 : last + 1);
    }
    if (!text.empty()) add(TokenKind::text, std::string(text), at_);
    trim_next_text_ = false;
    at_ = stop;
  }

  // "{{- " with the space, for "{{-3}}" is a number.
  bool trims_left(size_t open) const {
    return open + 3 < source_.size() && source_[open + 2] == '-' && is_space(source_[open + 3]);
  }

  void lex_action() {
    size_t open = at_;
    at_ += trims_left(open) ? 4 : 2;
    if (source_.substr(at_, 2) == "/*") return lex_comment(open);
    add(TokenKind::open, "{{", open);
    for (bool space = false;; space = skip_spaces()) {
      if (at_ >= source_.size()) fail(open, "unclosed action");
      if (at_close(space)) break;
      size_t before = tokens_.size();
      if (!is_space(source_[at_])) lex_token();
      if (tokens_.size() > before) tokens_.back().space_before = space;
    }
    add(TokenKind::close, "}}", at_);
    skip_close();
  }

  bool skip_spaces() {
    size_t start = at_;
    while (at_ < source_.size() && is_space(source_[at_])) ++at_;
    return at_ > start;
  }

  bool at_close(bool space_before) const {
    return source_.substr(at_, 2) == "}}" || (space_before && source_.substr(at_, 3) == "-}}");
  }

  void skip_close() {
    trim_next_text_ = source_[at_] == '-';
    at_ += trim_next_text_ ? 3 : 2;
  }

  void lex_comment(size_t open) {
    size_t end = source_.find("*/", at_);
    if (end == source_.npos) fail(open, "unclosed comment");
    at_ = end + 2;
    bool space = skip_spaces();
    if (!at_close(space)) fail(at_, "comment ends before closing delimiter");
    skip_close();
  }

  void lex_token() {
    char c = source_[at_];
    size_t start = at_;
    auto single = [&](TokenKind kind) { add(kind, std::string(1, c), at_++); };
    switch (c) {
      case '|':
        return single(TokenKind::pipe);
      case ',':
        return single(TokenKind::comma);
      case '(':
        return single(TokenKind::open_parenthesis);
      case ')':
        return single(TokenKind::close_parenthesis);
      case '=':
        return single(TokenKind::assign);
      case '"':
        return lex_quoted();
      case '`':
        return lex_raw_string();
      case '\'':
        return lex_character();
      case '.':
        return lex_dot();
      case ':':
        if (source_.substr(at_, 2) != ":=") fail(at_, "expected :=");
        at_ += 2;
        return add(TokenKind::declare, ":=", start);
      case '$':
        ++at_;
        return add(TokenKind::variable, "$" + take_name(), start);
      default:
        break;
    }
    if (is_digit(c) || c == '+' || c == '-') return lex_number();
    if (!is_name_char(c)) fail(at_, fmt::format("unexpected \"{}\" in operand", symbol(at_)));
    add(TokenKind::identifier, take_name(), start);
  }

  void lex_dot() {
    size_t start = at_;
    if (at_ + 1 < source_.size() && is_digit(source_[at_ + 1])) return lex_number();
    ++at_;
    std::string name = take_name();
    add(name.empty() ? TokenKind::dot : TokenKind::field, name, start);
  }

  std::string take_name() {
    size_t start = at_;
    while (at_ < source_.size() && is_name_char(source_[at_])) ++at_;
    return std::string(source_.substr(start, at_ - start));
  }

  void lex_number() {
    size_t start = at_++;
    auto continues = [&] {
      char c = source_[at_];
      bool sign = (c == '+' || c == '-') && (source_[at_ - 1] == 'e' || source_[at_ - 1] == 'E');
      return is_name_char(c) || c == '.' || sign;
    };
    while (at_ < source_.size() && continues()) ++at_;
    add(TokenKind::number, std::string(source_.substr(start, at_ - start)), start);
  }

  void lex_raw_string() {
    size_t end = source_.find('`', at_ + 1);
    if (end == source_.npos) fail(at_, "unterminated raw quoted string");
    add(TokenKind::string, std::string(source_.substr(at_ + 1, end - at_ - 1)), at_);
    at_ = end + 1;
  }

  void lex_quoted() {
    size_t start = at_++;
    std::string text;
    while (at_ < source_.size() && source_[at_] != '"' && source_[at_] != '\n')
      take_character(text);
    if (at_ >= source_.size() || source_[at_] != '"') fail(start, "unterminated quoted string");
    ++at_;
    add(TokenKind::string, std::move(text), start);
  }

  void lex_character() {
    size_t start = at_++;
    std::string text;
    if (at_ < source_.size() && source_[at_] != '\'') take_character(text);
    if (text.empty() || at_ >= source_.size() || source_[at_] != '\'')
      fail(start, "malformed character constant");
    ++at_;
    size_t next = 0;
    add(TokenKind::character, std::to_string(decode_utf8(text, next)), start);
  }

  // One character of a quoted string, or one whole escape, appended to `text`.
  void take_character(std::string& text) {
    if (source_[at_] != '\\') {
      size_t length = utf8_length(source_, at_);
      text += source_.substr(at_, length);
      at_ += length;
      return;
    }
    size_t start = at_;
    char c = at_ + 1 < source_.size() ? source_[at_ + 1] : '\0';
    at_ += 2;
    constexpr std::string_view letters = "abfnrtv\\\"'", meanings = "\a\b\f\n\r\t\v\\\"'";
    if (size_t i = letters.find(c); c != '\0' && i != letters.npos) {
      text += meanings[i];
    } else if (c == 'x') {
      text += static_cast<char>(take_digits(start, 2, 16));
    } else if (c == 'u' || c == 'U') {
      append_utf8(text, take_digits(start, c == 'u' ? 4 : 8, 16));
    } else if (c >= '0' && c <= '7') {
      --at_;
      text += static_cast<char>(take_digits(start, 3, 8));
    } else {
      fail(start, "unknown escape in quoted string");
    }
  }

  char32_t take_digits(size_t escape, size_t count, unsigned base) {
    char32_t value = 0;
    for (size_t i = 0; i < count; ++i, ++at_) {
      char c = at_ < source_.size() ? source_[at_] : '\0';
      unsigned digit = is_digit(c)              ? static_cast<unsigned>(c - '0')
                       : (c >= 'a' && c <= 'f') ? static_cast<unsigned>(c - 'a' + 10)
                       : (c >= 'A' && c <= 'F') ? static_cast<unsigned>(c - 'A' + 10)
                                                : base;
      if (digit >= base) fail(escape, "malformed escape in quoted string");
      value = value * base + digit;
    }
    return value;
  }

  std::string symbol(size_t at) const {
    return std::string(source_.substr(at, utf8_length(source_, at)));
  }

  void add(TokenKind kind, std::string text, size_t offset) {
    tokens_.push_back({kind, std::move(text), offset, false});
  }
  [[noreturn]] void fail(size_t offset, const std::string& message) const {
    throw_template_error(source_, offset, message);
  }

  std::string_view source_;
  size_t at_ = 0;
  bool trim_next_text_ = false;
  std::vector<Token> tokens_;
};

}  // namespace

std::vector<Token> lex_template(std::string_view source) {
  return Lexer(source).run();
}

}  // namespace ctr::cli
