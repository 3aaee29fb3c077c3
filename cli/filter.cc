#include "cli/filter.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "runtime/sys/error.h"

namespace ctr::cli {

namespace {

std::string trim(std::string_view text) {
  size_t first = text.find_first_not_of(" \t\n"), last = text.find_last_not_of(" \t\n");
  return first == text.npos ? "" : std::string(text.substr(first, last - first + 1));
}

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return text;
}

}  // namespace

std::string filters_json(const std::vector<std::string>& filters) {
  nlohmann::json map = nlohmann::json::object();
  for (const std::string& filter : filters) {
    if (filter.empty()) continue;
    size_t sign = filter.find('=');
    if (sign == filter.npos)
      throw sys::Error(sys::ErrorKind::invalid_argument,
                       fmt::format("invalid argument \"{}\" for \"--filter\" flag: bad format of "
                                   "filter (expected name=value)",
                                   filter));
    map[lower(trim(filter.substr(0, sign)))][trim(filter.substr(sign + 1))] = true;
  }
  if (map.empty()) return "";
  return map.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace ctr::cli
