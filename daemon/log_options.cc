#include "daemon/log_options.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <nlohmann/json.hpp>

#include "daemon/api/json.h"
#include "runtime/sys/error.h"

namespace ctr::daemon {

namespace {

using Options = std::map<std::string, std::string>;

[[noreturn]] void refuse(const std::string& message) {
  throw sys::Error(sys::ErrorKind::invalid_argument, message);
}

uint32_t parse_file_count(const std::string& text) {
  uint32_t count = 0;
  auto end = std::from_chars(text.data(), text.data() + text.size(), count);
  if (end.ec != std::errc() || end.ptr != text.data() + text.size() || count < 1 || count > 1000)
    refuse(fmt::format(
        "invalid value \"{}\" of log option max-file: max-file cannot be less than 1", text));
  return count;
}

// The names in "a,b": which labels or variables go into each line's attributes.
template <class Visit>
void for_each_name(const Options& options, const char* key, Visit visit) {
  auto given = options.find(key);
  if (given == options.end()) return;
  std::string_view rest = given->second;
  while (!rest.empty()) {
    std::string_view name = rest.substr(0, rest.find(','));
    rest.remove_prefix(std::min(rest.size(), name.size() + 1));
    visit(std::string(name));
  }
}

std::string attributes_of(const ContainerConfig& config, const Options& options) {
  nlohmann::json attributes = nlohmann::json::object();
  for_each_name(options, "labels", [&](const std::string& name) {
    auto label = config.labels.find(name);
    if (label != config.labels.end()) attributes[name] = label->second;
  });
  for_each_name(options, "env", [&](const std::string& name) {
    for (const std::string& assignment : config.env)
      if (assignment.starts_with(name + "=")) attributes[name] = assignment.substr(name.size() + 1);
  });
  if (auto tag = options.find("tag"); tag != options.end()) attributes["tag"] = tag->second;
  return attributes.empty() ? "" : dump_json(attributes);
}

}  // namespace

uint64_t parse_log_size(const std::string& text) {
  if (text == "-1") return 0;
  double number = 0;
  auto end = std::from_chars(text.data(), text.data() + text.size(), number);
  std::string unit;
  for (const char* c = end.ptr; c != text.data() + text.size(); ++c)
    unit += static_cast<char>(*c >= 'A' && *c <= 'Z' ? *c - 'A' + 'a' : *c);
  static constexpr std::array units{std::pair{"", 1.0},           std::pair{"b", 1.0},
                                    std::pair{"k", 1024.0},       std::pair{"kb", 1024.0},
                                    std::pair{"m", 1048576.0},    std::pair{"mb", 1048576.0},
                                    std::pair{"g", 1073741824.0}, std::pair{"gb", 1073741824.0}};
  for (const auto& [name, factor] : units)
    if (end.ec == std::errc() && unit == name && number > 0 && number * factor < 1e15)
      return static_cast<uint64_t>(number * factor);
  refuse(fmt::format("invalid value \"{}\" of log option max-size", text.substr(0, 100)));
}

runtime::LogConfig plan_log(const ContainerConfig& config, const HostConfig& host,
                            const std::map<std::string, std::string>& defaults,
                            const std::string& path) {
  static constexpr std::array<std::string_view, 10> known{
      "max-size",  "max-file", "labels", "labels-regex",    "env",
      "env-regex", "compress", "mode",   "max-buffer-size", "tag"};
  Options options = host.log_options;
  for (const auto& [name, value] : options)
    if (std::find(known.begin(), known.end(), name) == known.end())
      refuse(fmt::format("unknown log opt '{}' for {} log driver", name, host.log_type));
  options.insert(defaults.begin(), defaults.end());
  runtime::LogConfig log;
  if (host.log_type != "none") log.path = path;
  if (auto size = options.find("max-size"); size != options.end())
    log.max_size = parse_log_size(size->second);
  if (auto files = options.find("max-file"); files != options.end())
    log.max_files = parse_file_count(files->second);
  log.attributes = attributes_of(config, options);
  return log;
}

}  // namespace ctr::daemon
