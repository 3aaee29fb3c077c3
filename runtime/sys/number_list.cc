#include "runtime/sys/number_list.h"

#include <algorithm>
#include <charconv>
#include <climits>
#include <string_view>

#include "runtime/sys/error.h"

namespace ctr::sys {

std::vector<int> parse_number_list(const std::string& text) {
  std::vector<int> numbers;
  const auto refuse = [&] {
    throw Error(ErrorKind::invalid_argument,
                fmt::format("invalid list of numbers '{}': \"0-2,7\" is one", text.substr(0, 200)));
  };
  const auto number = [&](std::string_view part) {
    int value = -1;
    auto end = std::from_chars(part.data(), part.data() + part.size(), value);
    if (part.empty() || end.ec != std::errc() || end.ptr != part.data() + part.size() ||
        value < 0 || value > highest_listed_number)
      refuse();
    return value;
  };
  std::string_view rest = text;
  while (!rest.empty()) {
    const std::string_view item = rest.substr(0, rest.find(','));
    rest.remove_prefix(std::min(rest.size(), item.size() + 1));
    const size_t dash = item.find('-');
    const int first = number(item.substr(0, dash));
    const int last = dash == std::string_view::npos ? first : number(item.substr(dash + 1));
    if (last < first || numbers.size() > 4 * size_t{highest_listed_number}) refuse();
    for (int value = first; value <= last; ++value) numbers.push_back(value);
  }
  std::sort(numbers.begin(), numbers.end());
  numbers.erase(std::unique(numbers.begin(), numbers.end()), numbers.end());
  return numbers;
}

std::vector<unsigned long> number_mask(const std::vector<int>& numbers) {
  constexpr int bits = sizeof(unsigned long) * CHAR_BIT;
  std::vector<unsigned long> mask(
      numbers.empty() ? 1 : static_cast<size_t>(numbers.back() / bits) + 1);
  for (int number : numbers) mask[static_cast<size_t>(number / bits)] |= 1UL << (number % bits);
  return mask;
}

}  // namespace ctr::sys
