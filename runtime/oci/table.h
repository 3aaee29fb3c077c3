// Columns of text. Pure.
#pragma once

#include <string>
#include <vector>

namespace ctr::runtime::oci {

// Each row on a line, each column as wide as its widest cell, at least 9, and three blanks; the last
// column is not padded.
std::string format_table(const std::vector<std::vector<std::string>>& rows);

}  // namespace ctr::runtime::oci
