// Lists of processors and memory nodes in the kernel's text form (cpuset(7), "List format").
#pragma once

#include <string>
#include <vector>

namespace ctr::sys {

inline constexpr int highest_listed_number = 8191;

// "0-2,7" → {0, 1, 2, 7}, sorted. Error{invalid_argument} for anything else, and for numbers above
// highest_listed_number. An empty text is an empty list.
std::vector<int> parse_number_list(const std::string& text);

// The same as a mask for system calls that take one: bit n of word n/64.
std::vector<unsigned long> number_mask(const std::vector<int>& numbers);

}  // namespace ctr::sys
