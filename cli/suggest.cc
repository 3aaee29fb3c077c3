#include "cli/suggest.h"

#include <algorithm>
#include <numeric>

namespace ctr::cli {

size_t edit_distance(std::string_view a, std::string_view b) {
  // Three rows of the usual table: the last but one for swaps.
  std::vector<size_t> before, last(b.size() + 1), row(b.size() + 1);
  std::iota(last.begin(), last.end(), size_t{0});
  for (size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      size_t replaced = last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, replaced});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        row[j] = std::min(row[j], before[j - 2] + 1);
    }
    before = last;
    last = row;
  }
  return last[b.size()];
}

std::optional<std::string> find_suggestion(std::string_view word,
                                           const std::vector<std::string>& known) {
  // Nothing that long is a command; do not spend time on it.
  if (word.empty() || word.size() > 64) return std::nullopt;
  size_t limit = word.size() < 5 ? 1 : 2;
  const std::string* nearest = nullptr;
  size_t distance = limit + 1;
  for (const std::string& candidate : known) {
    size_t edits = edit_distance(word, candidate);
    if (edits > limit && word.size() >= 3 && candidate.starts_with(word)) edits = limit;
    // "x" is one edit from every command of two letters: a suggestion must share something.
    if (edits >= std::max(word.size(), candidate.size())) continue;
    if (edits >= distance) continue;
    nearest = &candidate;
    distance = edits;
  }
  return nearest ? std::optional(*nearest) : std::nullopt;
}

std::string did_you_mean(std::string_view word, const std::vector<std::string>& known) {
  std::optional<std::string> suggestion = find_suggestion(word, known);
  return suggestion ? " Did you mean '" + *suggestion + "'?" : "";
}

}  // namespace ctr::cli
