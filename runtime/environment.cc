#include "runtime/environment.h"

#include <algorithm>

namespace ctr::runtime {

namespace {

std::string_view name_of(std::string_view entry) {
  return entry.substr(0, entry.find('='));
}

bool is_valid(std::string_view entry) {
  return entry.find('=') != std::string_view::npos && entry[0] != '=' &&
         entry.find('\0') == std::string_view::npos;
}

}  // namespace

std::vector<std::string> complete_environment(const Process& process, const std::string& home) {
  std::vector<std::string> environment;
  for (const std::string& entry : process.env) {
    if (!is_valid(entry)) continue;
    auto same = std::find_if(environment.begin(), environment.end(), [&](const std::string& other) {
      return name_of(other) == name_of(entry);
    });
    if (same == environment.end())
      environment.push_back(entry);
    else
      *same = entry;
  }
  if (environment_value(environment, "HOME", "").empty()) {
    std::erase_if(environment, [](const std::string& entry) { return name_of(entry) == "HOME"; });
    environment.push_back("HOME=" + home);
  }
  return environment;
}

std::string environment_value(const std::vector<std::string>& environment, std::string_view name,
                              std::string_view otherwise) {
  for (const std::string& entry : environment)
    if (name_of(entry) == name) return entry.substr(std::min(entry.size(), name.size() + 1));
  return std::string(otherwise);
}

}  // namespace ctr::runtime
