#include "cli/table.h"

#include <algorithm>
#include <vector>

#include "cli/template/utf8.h"

namespace ctr::cli {

namespace {

using Line = std::vector<std::string_view>;  // the last cell has no tab behind it

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (size_t at = 0;;) {
    size_t end = text.find(separator, at);
    parts.push_back(text.substr(at, end - at));
    if (end == text.npos) return parts;
    at = end + 1;
  }
}

bool has_column(const Line& line, size_t column) {
  return line.size() > column + 1;
}

// The width of `column` in each line that has it, 0 elsewhere.
std::vector<size_t> column_widths(const std::vector<Line>& lines, size_t column, TableStyle style) {
  std::vector<size_t> widths(lines.size(), 0);
  for (size_t first = 0; first < lines.size(); ++first) {
    if (!has_column(lines[first], column)) continue;
    size_t last = first, width = style.least_width;
    for (; last < lines.size() && has_column(lines[last], column); ++last)
      width = std::max(width, count_characters(lines[last][column]) + style.padding);
    std::fill(widths.begin() + first, widths.begin() + last, width);
    first = last;
  }
  return widths;
}

}  // namespace

std::string align_table(std::string_view text, TableStyle style) {
  std::vector<Line> lines;
  for (std::string_view line : split(text, '\n')) lines.push_back(split(line, '\t'));
  size_t columns = 0;
  for (const Line& line : lines) columns = std::max(columns, line.size());
  std::vector<std::vector<size_t>> widths;
  for (size_t column = 0; column < columns; ++column)
    widths.push_back(column_widths(lines, column, style));

  std::string result;
  for (size_t i = 0; i < lines.size(); ++i) {
    if (i > 0) result += '\n';
    for (size_t column = 0; column < lines[i].size(); ++column) {
      std::string_view cell = lines[i][column];
      result += cell;
      if (has_column(lines[i], column))
        result.append(widths[column][i] - count_characters(cell), ' ');
    }
  }
  return result;
}

}  // namespace ctr::cli
