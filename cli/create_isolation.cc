// plan_files() and plan_isolation(): mounts, devices, capabilities, namespaces.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "cli/create_request.h"
#include "cli/volumes.h"

namespace ctr::cli {

namespace {

using nlohmann::json;

[[noreturn]] void invalid(const std::string& message) {
  throw sys::Error(sys::ErrorKind::invalid_argument, message);
}

bool is_device_mode(std::string_view mode) {
  if (mode.empty() || mode.size() > 3) return false;
  for (char c : mode)
    if ((c != 'r' && c != 'w' && c != 'm') || std::count(mode.begin(), mode.end(), c) > 1)
      return false;
  return true;
}

// "/dev/a", "/dev/a:/dev/b", "/dev/a:rw", "/dev/a:/dev/b:rwm".
json parse_device(const std::string& text) {
  std::vector<std::string> parts(1);
  for (char c : text) {
    if (c == ':')
      parts.emplace_back();
    else
      parts.back() += c;
  }
  std::string inside = parts[0];
  std::string mode = "rwm";
  if (parts.size() == 2 && is_device_mode(parts[1]))
    mode = parts[1];
  else if (parts.size() > 1)
    inside = parts[1];
  if (parts.size() == 3) mode = parts[2];
  if (parts.size() > 3 || parts[0].empty())
    invalid(fmt::format("invalid device specification: {}; say /dev/a[:/dev/b[:rwm]]", text));
  if (!is_device_mode(mode)) invalid(fmt::format("bad mode specified: {}; say r, w, m", mode));
  if (parts[0][0] != '/' || inside.empty() || inside[0] != '/')
    invalid(fmt::format("bad format for path in --device {}: paths must be absolute", text));
  return {{"PathOnHost", parts[0]}, {"PathInContainer", inside}, {"CgroupPermissions", mode}};
}

// A name of the Container Device Interface: "vendor.com/class=name".
bool is_cdi_name(const std::string& text) {
  return !text.starts_with("/") && text.find('=') != std::string::npos;
}

// "c 42:* rmw".
bool is_device_rule(std::string_view rule) {
  auto take_number = [&rule](char end) {
    size_t size = 0;
    while (size < rule.size() && (std::isdigit(static_cast<unsigned char>(rule[size])))) ++size;
    if (size == 0 && rule.starts_with("*")) size = 1;
    if (size == 0 || size >= rule.size() || rule[size] != end) return false;
    rule.remove_prefix(size + 1);
    return true;
  };
  if (rule.size() < 2 || (rule[0] != 'a' && rule[0] != 'b' && rule[0] != 'c') || rule[1] != ' ')
    return false;
  rule.remove_prefix(2);
  return take_number(':') && take_number(' ') && is_device_mode(rule);
}

// The profile itself goes to the daemon, not the name of a file that it may not see.
std::string seccomp_option(const std::string& value, const Surroundings& surroundings) {
  if (value == "unconfined" || value == "builtin") return "seccomp=" + value;
  json profile = json::parse(surroundings.read_file(value), nullptr, false);
  if (!profile.is_object())
    invalid(fmt::format("seccomp profile '{}' is not a JSON object", value));
  return "seccomp=" + profile.dump(-1, ' ', false, json::error_handler_t::replace);
}

void plan_security(const ContainerOptions& o, const Surroundings& surroundings, json& host) {
  for (const std::string& text : o.security_opts) {
    size_t split = text.find_first_of("=:");
    std::string name = text.substr(0, split);
    std::string value = split == std::string::npos ? "" : text.substr(split + 1);
    if (split == std::string::npos && text != "no-new-privileges")
      invalid(fmt::format("invalid --security-opt: \"{}\"; say name=value", text));
    if (name == "systempaths" && value == "unconfined") {
      host["MaskedPaths"] = json::array();
      host["ReadonlyPaths"] = json::array();
    } else if (name == "seccomp") {
      host["SecurityOpt"].push_back(seccomp_option(value, surroundings));
    } else {
      host["SecurityOpt"].push_back(split == std::string::npos ? text : name + "=" + value);
    }
  }
}

void plan_mode(json& host, const char* name, const std::string& value, const char* flag,
               std::initializer_list<std::string_view> allowed) {
  if (value.empty()) return;
  bool container = value.starts_with("container:") && value.size() > 10;
  bool takes_container = std::find(allowed.begin(), allowed.end(), "container:") != allowed.end();
  if (std::find(allowed.begin(), allowed.end(), value) == allowed.end() &&
      !(container && takes_container))
    invalid(fmt::format("{}: invalid mode '{}'", flag, value));
  host[name] = value;
}

// The number of ids is the daemon's to judge.
void plan_user_namespace(const std::string& mode, json& host) {
  if (mode.starts_with("auto:size="))
    host["UsernsMode"] = mode;
  else
    plan_mode(host, "UsernsMode", mode, "--userns", {"host", "auto"});
}

}  // namespace

void plan_files(const ContainerOptions& o, const Surroundings& surroundings, json& config,
                json& host) {
  for (const std::string& text : o.volumes) {
    VolumeArgument volume = parse_volume(text, surroundings.working_directory);
    if (volume.anonymous)
      config["Volumes"][volume.text] = json::object();
    else
      host["Binds"].push_back(volume.text);
  }
  for (const std::string& text : o.mounts)
    host["Mounts"].push_back(parse_mount(text, surroundings.working_directory));
  for (const std::string& text : o.tmpfs) {
    auto [target, mount_options] = parse_tmpfs(text);
    host["Tmpfs"][target] = mount_options;
  }
  if (!o.volumes_from.empty()) host["VolumesFrom"] = o.volumes_from;
  if (!o.volume_driver.empty()) host["VolumeDriver"] = o.volume_driver;
  if (o.read_only) host["ReadonlyRootfs"] = true;
  if (!o.storage_opts.empty()) host["StorageOpt"] = key_values(o.storage_opts, "--storage-opt");
  json cdi_names = json::array();
  for (const std::string& text : o.devices) {
    if (is_cdi_name(text))
      cdi_names.push_back(text);
    else
      host["Devices"].push_back(parse_device(text));
  }
  if (!cdi_names.empty())
    host["DeviceRequests"] = json::array({{{"Driver", "cdi"}, {"DeviceIDs", cdi_names}}});
  for (const std::string& rule : o.device_cgroup_rules) {
    if (!is_device_rule(rule))
      invalid(fmt::format("invalid device cgroup format '{}'; say for example 'c 42:* rmw'", rule));
    host["DeviceCgroupRules"].push_back(rule);
  }
}

void plan_isolation(const ContainerOptions& o, const Surroundings& surroundings, json& host) {
  plan_security(o, surroundings, host);
  if (!o.cap_add.empty()) host["CapAdd"] = o.cap_add;
  if (!o.cap_drop.empty()) host["CapDrop"] = o.cap_drop;
  if (!o.group_add.empty()) host["GroupAdd"] = o.group_add;
  if (!o.sysctls.empty()) host["Sysctls"] = key_values(o.sysctls, "--sysctl");
  plan_mode(host, "PidMode", o.pid, "--pid", {"host", "private", "container:"});
  plan_mode(host, "IpcMode", o.ipc, "--ipc",
            {"host", "private", "shareable", "none", "container:"});
  plan_mode(host, "UTSMode", o.uts, "--uts", {"host"});
  plan_user_namespace(o.userns, host);
  plan_mode(host, "CgroupnsMode", o.cgroupns, "--cgroupns", {"host", "private"});
}

}  // namespace ctr::cli
