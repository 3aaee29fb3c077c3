// Characters in UTF-8 text, as Go's rune functions see them: a byte that is no part of a
// character counts as one. Used by templates, tables and truncation. Pure.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace ctr::cli {

// The character at `offset` (U+FFFD for a stray byte); `next` becomes the offset behind it.
char32_t decode_utf8(std::string_view text, size_t& next);
// Bytes of the character at `offset`: 1 to 4, never beyond the end of the text.
size_t utf8_length(std::string_view text, size_t offset);
size_t count_characters(std::string_view text);
// The first `count` characters.
std::string_view first_characters(std::string_view text, size_t count);
void append_utf8(std::string& text, char32_t character);

// Columns of a terminal that a text takes: wide (East Asian) characters take two.
size_t display_width(std::string_view text);

}  // namespace ctr::cli
