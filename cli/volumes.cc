#include "cli/volumes.h"

#include <map>
#include <nlohmann/json.hpp>

#include "cli/quantities.h"
#include "runtime/sys/error.h"

namespace ctr::cli {

namespace {

using nlohmann::json;

[[noreturn]] void invalid(const std::string& message) {
  throw sys::Error(sys::ErrorKind::invalid_argument, message);
}

// "./a/../b" below "/work" is "/work/b". Lexical, as Docker does it.
std::string absolute_path(std::string_view path, std::string_view working_directory) {
  std::string whole =
      path.starts_with("/") ? std::string(path) : fmt::format("{}/{}", working_directory, path);
  std::vector<std::string_view> parts;
  std::string_view rest = whole;
  while (!rest.empty()) {
    size_t end = std::min(rest.find('/'), rest.size());
    std::string_view part = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (part == ".." && !parts.empty()) parts.pop_back();
    if (!part.empty() && part != "." && part != "..") parts.push_back(part);
  }
  std::string result;
  for (std::string_view part : parts) result.append("/").append(part);
  return result.empty() ? "/" : result;
}

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  for (size_t begin = 0; begin <= text.size();) {
    size_t end = std::min(text.find(separator, begin), text.size());
    parts.emplace_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

bool parse_bool(const std::string& key, const std::string& value) {
  for (const char* yes : {"1", "t", "T", "true", "TRUE", "True"})
    if (value == yes) return true;
  for (const char* no : {"0", "f", "F", "false", "FALSE", "False"})
    if (value == no) return false;
  invalid(fmt::format("invalid value for {}: {}; say true or false", key, value));
}

// Reads one --mount field by field.
class MountParser {
 public:
  MountParser(std::string_view text, std::string_view working_directory)
      : text_(text), working_directory_(working_directory) {}

  json parse() {
    for (const std::string& field : split_csv(text_)) take_field(field);
    check();
    if (type_ == "bind") mount_["Source"] = absolute_path(text_of("Source"), working_directory_);
    mount_["Type"] = type_;
    for (const auto& [name, options] : options_) mount_[name] = options;
    return mount_;
  }

 private:
  std::string text_of(const char* name) const {
    return mount_.contains(name) ? mount_[name].get<std::string>() : std::string();
  }

  void take_field(const std::string& field) {
    size_t equals = field.find('=');
    std::string key = field.substr(0, equals);
    for (char& c : key)
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    bool has_value = equals != std::string::npos;
    std::string value = has_value ? field.substr(equals + 1) : "true";
    bool is_switch = key == "readonly" || key == "ro" || key == "volume-nocopy" ||
                     key == "bind-nonrecursive" || key == "bind-create-src";
    if (!has_value && !is_switch)
      invalid(fmt::format("invalid field '{}' must be a key=value pair", field));
    if (is_switch ? !take_switch(key, parse_bool(key, value)) : !take_text(key, value))
      invalid(fmt::format("unexpected key '{}' in '{}'", key, field));
  }

  bool take_switch(const std::string& key, bool on) {
    if (key == "readonly" || key == "ro") mount_["ReadOnly"] = on;
    if (key == "volume-nocopy") options_["VolumeOptions"]["NoCopy"] = on;
    if (key == "bind-nonrecursive") options_["BindOptions"]["NonRecursive"] = on;
    if (key == "bind-create-src") options_["BindOptions"]["CreateMountpoint"] = on;
    return true;
  }

  bool take_text(const std::string& key, const std::string& value) {
    if (key == "type")
      type_ = lower_type(value);
    else if (key == "source" || key == "src")
      mount_["Source"] = value;
    else if (key == "target" || key == "dst" || key == "destination")
      mount_["Target"] = value;
    else if (key == "consistency")
      mount_["Consistency"] = value;
    else
      return take_bind_option(key, value) || take_volume_option(key, value) ||
             take_other_option(key, value);
    return true;
  }

  static std::string lower_type(std::string type) {
    for (char& c : type)
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    return type;
  }

  bool take_bind_option(const std::string& key, const std::string& value) {
    json& bind = options_["BindOptions"];
    if (key == "bind-propagation") {
      bind["Propagation"] = value;
    } else if (key == "bind-recursive") {
      if (value == "enabled" || value == "disabled")
        bind["NonRecursive"] = value == "disabled";
      else if (value == "writable")
        bind["ReadOnlyNonRecursive"] = true;
      else if (value == "readonly")
        bind["ReadOnlyForceRecursive"] = true;
      else
        invalid(
            fmt::format("invalid value for bind-recursive: {}; must be \"enabled\", "
                        "\"disabled\", \"writable\", or \"readonly\"",
                        value));
    } else {
      if (bind.is_null()) options_.erase("BindOptions");
      return false;
    }
    return true;
  }

  bool take_volume_option(const std::string& key, const std::string& value) {
    json& volume = options_["VolumeOptions"];
    size_t equals = value.find('=');
    std::string name = value.substr(0, equals);
    std::string rest = equals == std::string::npos ? "" : value.substr(equals + 1);
    if (key == "volume-label")
      volume["Labels"][name] = rest;
    else if (key == "volume-driver")
      volume["DriverConfig"]["Name"] = value;
    else if (key == "volume-opt")
      volume["DriverConfig"]["Options"][name] = rest;
    else if (key == "volume-subpath")
      volume["Subpath"] = value;
    else {
      if (volume.is_null()) options_.erase("VolumeOptions");
      return false;
    }
    return true;
  }

  bool take_other_option(const std::string& key, const std::string& value) {
    if (key == "tmpfs-size") {
      options_["TmpfsOptions"]["SizeBytes"] = parse_size(value, "tmpfs-size");
    } else if (key == "tmpfs-mode") {
      if (value.empty() || value.find_first_not_of("01234567") != std::string::npos ||
          value.size() > 6)
        invalid(
            fmt::format("invalid value for tmpfs-mode: {}; say it in octal, such as 1777", value));
      options_["TmpfsOptions"]["Mode"] = std::stoi(value, nullptr, 8);
    } else if (key == "image-subpath") {
      options_["ImageOptions"]["Subpath"] = value;
    } else {
      return false;
    }
    return true;
  }

  void check() const {
    static const std::map<std::string, std::string> option_types = {{"BindOptions", "bind"},
                                                                    {"VolumeOptions", "volume"},
                                                                    {"TmpfsOptions", "tmpfs"},
                                                                    {"ImageOptions", "image"}};
    bool known = type_ == "bind" || type_ == "volume" || type_ == "tmpfs" || type_ == "image";
    if (!known)
      invalid(fmt::format("mount type '{}' is not known: bind, volume, tmpfs or image", type_));
    std::string target = text_of("Target");
    if (target.empty()) invalid("target is required");
    if (target[0] != '/') invalid(fmt::format("target '{}' must be an absolute path", target));
    std::string source = text_of("Source");
    if (source.empty() && (type_ == "bind" || type_ == "image"))
      invalid(fmt::format("source is required for mounts of type {}", type_));
    if (!source.empty() && type_ == "tmpfs") invalid("a tmpfs has no source");
    for (const auto& [name, options] : options_)
      if (option_types.at(name) != type_)
        invalid(fmt::format("cannot mix '{}-*' options with mount type '{}'", option_types.at(name),
                            type_));
  }

  std::string_view text_;
  std::string_view working_directory_;
  std::string type_ = "volume";
  json mount_ = json::object();
  std::map<std::string, json> options_;
};

}  // namespace

std::vector<std::string> split_csv(std::string_view text) {
  std::vector<std::string> fields(1);
  bool quoted = false;
  for (size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (quoted && c == '"' && i + 1 < text.size() && text[i + 1] == '"') {
      fields.back() += '"';
      ++i;
    } else if (c == '"' && (quoted || fields.back().empty())) {
      quoted = !quoted;
    } else if (c == ',' && !quoted) {
      fields.emplace_back();
    } else {
      fields.back() += c;
    }
  }
  if (quoted) invalid(fmt::format("a quote in '{}' has no end", text));
  return fields;
}

VolumeArgument parse_volume(std::string_view text, std::string_view working_directory) {
  std::vector<std::string> parts = split(text, ':');
  for (const std::string& part : parts)
    if (part.empty()) invalid(fmt::format("invalid spec: {}: empty section between colons", text));
  if (parts.size() > 3) invalid(fmt::format("invalid spec: {}: too many colons", text));
  const std::string& target = parts.size() == 1 ? parts[0] : parts[1];
  if (target[0] != '/')
    invalid(
        fmt::format("invalid volume specification: '{}': invalid mount path: '{}' mount path "
                    "must be absolute",
                    text, target));
  if (parts.size() == 1) return {.anonymous = true, .text = std::string(text)};
  if (parts[0][0] == '.') parts[0] = absolute_path(parts[0], working_directory);
  std::string joined = parts[0];
  for (size_t i = 1; i < parts.size(); ++i) joined += ":" + parts[i];
  return {.anonymous = false, .text = joined};
}

json parse_mount(std::string_view text, std::string_view working_directory) {
  try {
    return MountParser(text, working_directory).parse();
  } catch (const sys::Error& error) {
    invalid(fmt::format("invalid argument \"{}\" for \"--mount\" flag: {}", text, error.what()));
  }
}

std::pair<std::string, std::string> parse_tmpfs(std::string_view text) {
  size_t colon = text.find(':');
  std::string target(text.substr(0, colon));
  if (target.empty() || target[0] != '/')
    invalid(
        fmt::format("invalid argument \"{}\" for \"--tmpfs\" flag: the path must be absolute, "
                    "such as /run:size=64m",
                    text));
  return {target, colon == std::string_view::npos ? "" : std::string(text.substr(colon + 1))};
}

}  // namespace ctr::cli
