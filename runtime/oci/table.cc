#include "runtime/oci/table.h"

#include <algorithm>

namespace ctr::runtime::oci {

std::string format_table(const std::vector<std::vector<std::string>>& rows) {
  constexpr size_t least = 9;
  std::vector<size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()), least);
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string text;
  for (const auto& row : rows) {
    for (size_t i = 0; i < row.size(); ++i) {
      text += row[i];
      if (i + 1 < row.size()) text.append(widths[i] + 3 - row[i].size(), ' ');
    }
    text += '\n';
  }
  return text;
}

}  // namespace ctr::runtime::oci
