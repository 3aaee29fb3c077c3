// Columns for a terminal, aligned as the docker client aligns them (Go's text/tabwriter). Pure.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace ctr::cli {

struct TableStyle {
  size_t least_width = 10;  // of a column, with its padding
  size_t padding = 3;
};

// `text` is lines of cells that tabs end; what follows a line's last tab belongs to no column. A
// column's width holds for the neighbouring lines that have it. Widths count characters.
std::string align_table(std::string_view text, TableStyle style = {});

}  // namespace ctr::cli
