#include "daemon/commit_config.h"

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

#include "daemon/api/json.h"
#include "runtime/sys/duration.h"
#include "runtime/sys/error.h"

namespace ctr::daemon {

namespace {

using nlohmann::json;

[[noreturn]] void refuse(const std::string& change, const std::string& why) {
  throw sys::Error(sys::ErrorKind::invalid_argument, fmt::format("change '{}': {}", change, why));
}

bool is_blank(char c) {
  return c == ' ' || c == '\t';
}

std::string trim(std::string text) {
  while (!text.empty() && is_blank(text.back())) text.pop_back();
  text.erase(0, std::min(text.find_first_not_of(" \t"), text.size()));
  return text;
}

// Words as a Dockerfile's parser has them: quotes group, a backslash takes the next character as it
// is.
std::vector<std::string> split_words(const std::string& text) {
  std::vector<std::string> words;
  std::string word;
  bool begun = false;
  char quote = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '\\' && i + 1 < text.size() && quote != '\'') {
      word += text[++i];
      begun = true;
    } else if (quote != 0 && c == quote) {
      quote = 0;
    } else if (quote == 0 && (c == '"' || c == '\'')) {
      quote = c;
      begun = true;
    } else if (quote == 0 && is_blank(c)) {
      if (begun) words.push_back(std::exchange(word, ""));
      begun = false;
    } else {
      word += c;
      begun = true;
    }
  }
  if (begun) words.push_back(word);
  return words;
}

// ["a", "b"] as it stands; anything else is a line for the shell.
json command_of(const json& config, const std::string& text) {
  if (text.starts_with("[")) {
    json list = json::parse(text, nullptr, false);
    bool good = list.is_array() && std::all_of(list.begin(), list.end(),
                                               [](const json& word) { return word.is_string(); });
    if (good) return list;
  }
  json shell = config.value("Shell", json(nullptr));
  if (!shell.is_array() || shell.empty()) shell = {"/bin/sh", "-c"};
  shell.push_back(text);
  return shell;
}

// "A=b C=d", or the old form "A b c".
std::vector<std::pair<std::string, std::string>> pairs_of(const std::string& change,
                                                          const std::string& text) {
  std::vector<std::pair<std::string, std::string>> pairs;
  size_t blank = text.find_first_of(" \t=");
  if (blank != std::string::npos && text[blank] != '=')
    return {{text.substr(0, blank), trim(text.substr(blank))}};
  for (const std::string& word : split_words(text)) {
    size_t equals = word.find('=');
    if (equals == std::string::npos || equals == 0) refuse(change, "say NAME=value");
    pairs.emplace_back(word.substr(0, equals), word.substr(equals + 1));
  }
  if (pairs.empty()) refuse(change, "say NAME=value");
  return pairs;
}

void set_environment(json& config, const std::string& name, const std::string& value) {
  json kept = json::array();
  if (config.contains("Env") && config["Env"].is_array())
    for (const json& entry : config["Env"])
      if (!entry.get<std::string>().starts_with(name + "=")) kept.push_back(entry);
  kept.push_back(name + "=" + value);
  config["Env"] = kept;
}

void add_keys(json& config, const char* member, const std::vector<std::string>& keys) {
  if (!config.contains(member) || !config[member].is_object()) config[member] = json::object();
  for (const std::string& key : keys) config[member][key] = json::object();
}

// ["/a", "/b"], or words.
std::vector<std::string> paths_of(const std::string& text) {
  json list = text.starts_with("[") ? json::parse(text, nullptr, false) : json();
  const bool is_list = list.is_array() && std::all_of(list.begin(), list.end(), [](const json& path) {
                         return path.is_string();
                       });
  return is_list ? list.get<std::vector<std::string>>() : split_words(text);
}

// "--interval=5s" before the command, which begins at the first word that is no option.
json take_health_options(const std::string& change, std::string& text) {
  constexpr std::pair<std::string_view, const char*> durations[] = {{"--interval", "Interval"},
                                                                    {"--timeout", "Timeout"},
                                                                    {"--start-period", "StartPeriod"},
                                                                    {"--start-interval", "StartInterval"}};
  json options = json::object();
  while (text.starts_with("--")) {
    const std::string option = text.substr(0, text.find_first_of(" \t"));
    const size_t equals = option.find('=');
    const std::string name = option.substr(0, equals);
    const std::string value = equals == std::string::npos ? "" : option.substr(equals + 1);
    const auto* known = std::find_if(std::begin(durations), std::end(durations),
                                     [&](const auto& entry) { return entry.first == name; });
    if (known != std::end(durations)) {
      const std::optional<int64_t> duration = sys::find_duration(value);
      if (!duration || *duration < 0) refuse(change, fmt::format("'{}' is no duration", value));
      options[known->second] = *duration;
    } else if (name == "--retries") {
      int retries = -1;
      const auto end = std::from_chars(value.data(), value.data() + value.size(), retries);
      if (end.ec != std::errc() || end.ptr != value.data() + value.size() || retries < 0)
        refuse(change, fmt::format("'{}' is no number of retries", value));
      options["Retries"] = retries;
    } else {
      refuse(change, fmt::format("unknown option {}", name));
    }
    text = trim(text.substr(option.size()));
  }
  return options;
}

void set_healthcheck(json& config, const std::string& change, const std::string& rest) {
  std::string text = rest;
  if (text == "NONE" || text == "none") {
    config["Healthcheck"] = {{"Test", {"NONE"}}};
    return;
  }
  json check = take_health_options(change, text);
  if (!text.starts_with("CMD ")) refuse(change, "say HEALTHCHECK CMD command, or HEALTHCHECK NONE");
  std::string command = trim(text.substr(4));
  json test = {"CMD-SHELL", command};
  if (command.starts_with("[")) {
    test = {"CMD"};
    for (const json& word : command_of(config, command)) test.push_back(word);
  }
  check["Test"] = test;
  config["Healthcheck"] = check;
}

void expose(json& config, const std::string&, const std::string& text) {
  std::vector<std::string> ports = split_words(text);
  for (std::string& port : ports)
    if (port.find('/') == std::string::npos) port += "/tcp";
  add_keys(config, "ExposedPorts", ports);
}

template <const char* const& member>
void set_text(json& config, const std::string&, const std::string& text) {
  config[member] = text;
}
template <const char* const& member>
void set_command(json& config, const std::string&, const std::string& text) {
  config[member] = command_of(config, text);
}

constexpr const char* cmd = "Cmd";
constexpr const char* entrypoint = "Entrypoint";
constexpr const char* shell = "Shell";
constexpr const char* stop_signal = "StopSignal";
constexpr const char* user = "User";
constexpr const char* working_dir = "WorkingDir";

// `text` is what follows the instruction's name, `change` all of it, for errors.
struct Instruction {
  std::string_view name;
  void (*apply)(json& config, const std::string& change, const std::string& text);
};
constexpr Instruction instructions[] = {
    {"CMD", set_command<cmd>},
    {"ENTRYPOINT", set_command<entrypoint>},
    {"ENV",
     [](json& config, const std::string& change, const std::string& text) {
       for (auto& [key, value] : pairs_of(change, text)) set_environment(config, key, value);
     }},
    {"EXPOSE", expose},
    {"HEALTHCHECK", set_healthcheck},
    {"LABEL",
     [](json& config, const std::string& change, const std::string& text) {
       for (auto& [key, value] : pairs_of(change, text)) config["Labels"][key] = value;
     }},
    {"MAINTAINER", [](json&, const std::string&, const std::string&) {}},
    {"ONBUILD", [](json& config, const std::string&,
                   const std::string& text) { config["OnBuild"].push_back(text); }},
    {"SHELL", set_command<shell>},
    {"STOPSIGNAL", set_text<stop_signal>},
    {"USER", set_text<user>},
    {"VOLUME", [](json& config, const std::string&,
                  const std::string& text) { add_keys(config, "Volumes", paths_of(text)); }},
    {"WORKDIR", set_text<working_dir>},
};

void apply_change(json& config, const std::string& change) {
  std::string line = trim(change);
  size_t blank = line.find_first_of(" \t");
  std::string name = line.substr(0, blank);
  std::string text = blank == std::string::npos ? "" : trim(line.substr(blank));
  for (char& c : name)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  auto known = std::find_if(std::begin(instructions), std::end(instructions),
                            [&](const Instruction& instruction) { return instruction.name == name; });
  if (known == std::end(instructions))
    refuse(change, fmt::format("{} is not a valid change command", name));
  if (text.empty()) refuse(change, "the instruction has no argument");
  known->apply(config, change, text);
}

}  // namespace

void apply_changes(json& config, const std::vector<std::string>& changes) {
  for (const std::string& change : changes)
    if (!trim(change).empty()) apply_change(config, change);
}

std::string image_config_text(const NewImageConfig& parts) {
  json document = parts.base.is_object() ? parts.base : json::object();
  const std::string now = sys::format_timestamp(parts.now);
  document["created"] = now;
  if (!document.contains("architecture")) document["architecture"] = parts.architecture;
  if (!document.contains("os")) document["os"] = "linux";
  if (!parts.author.empty()) document["author"] = parts.author;
  document["config"] = parts.config;
  document.erase("container");
  document.erase("container_config");
  json& rootfs = document["rootfs"];
  if (!rootfs.is_object()) rootfs = {{"type", "layers"}, {"diff_ids", json::array()}};
  rootfs["diff_ids"].push_back(parts.layer.text());
  json entry = {{"created", now}, {"created_by", parts.created_by}};
  if (!parts.comment.empty()) entry["comment"] = parts.comment;
  if (!parts.author.empty()) entry["author"] = parts.author;
  document["history"].push_back(entry);
  return dump_json(document);
}

}  // namespace ctr::daemon
