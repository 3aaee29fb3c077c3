// The words of a format template: text outside of {{ }} and tokens inside of it.
// Pure; the grammar is that of Go's text/template, which users of docker know.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace ctr::cli {

enum class TokenKind {
  text,        // outside of an action, trim markers already applied
  open,        // {{ or {{-
  close,       // }} or -}}
  identifier,  // a function or one of the keywords: if, range, end, true, nil …
  field,       // .Name
  variable,    // $ or $name
  dot,         // .
  string,      // "…" with escapes or `…` as it stands; the token's text is what it means
  character,   // 'x'; the token's text is the number
  number,
  pipe,
  comma,
  declare,  // :=
  assign,   // =
  open_parenthesis,
  close_parenthesis,
  end,
};

struct Token {
  TokenKind kind = TokenKind::end;
  std::string text;
  size_t offset = 0;          // in the template, for messages
  bool space_before = false;  // ".A.B" is one chain, ".A .B" are two operands
};

// Throws sys::Error{invalid_argument} for what is no token, with its position.
std::vector<Token> lex_template(std::string_view source);

// "template parsing error: template: :1:7: unclosed action": line and column of `offset`, from 1.
[[noreturn]] void throw_template_error(std::string_view source, size_t offset,
                                       const std::string& message);

}  // namespace ctr::cli
