// What a mistyped command or flag was likely meant to be. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ctr::cli {

// Insertions, deletions, replacements and swaps of neighbours that turn one text into the other.
size_t edit_distance(std::string_view a, std::string_view b);

// The known word nearest to `word`, if it is near enough to be meant: one edit for short words, two
// for words of five letters and more, or one of which `word` is the beginning (three letters and
// more). The first of equals.
std::optional<std::string> find_suggestion(std::string_view word,
                                           const std::vector<std::string>& known);

// " Did you mean 'run'?" to stand behind "unknown command 'rnu'."; "" without a suggestion.
std::string did_you_mean(std::string_view word, const std::vector<std::string>& known);

}  // namespace ctr::cli
