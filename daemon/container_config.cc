#include "daemon/container_config.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string_view>

namespace ctr::daemon {

namespace {

using nlohmann::json;

// The schema has seen to names and types: what is left is absent, null, or of the right type.
const json* find(const json& object, const char* key) {
  auto item = object.find(key);
  return item == object.end() || item->is_null() ? nullptr : &*item;
}

template <class Value>
Value get(const json& object, const char* key, Value otherwise = {}) {
  const json* value = find(object, key);
  return value == nullptr ? otherwise : value->get<Value>();
}

template <class Value>
std::optional<Value> get_optional(const json& object, const char* key) {
  const json* value = find(object, key);
  if (value == nullptr) return std::nullopt;
  return value->get<Value>();
}

using Strings = std::vector<std::string>;
using StringMap = std::map<std::string, std::string>;

std::vector<std::string> keys(const json& object, const char* key) {
  std::vector<std::string> names;
  if (const json* set = find(object, key))
    for (auto item = set->begin(); item != set->end(); ++item) names.push_back(item.key());
  return names;
}

MountRequest read_mount(const json& mount) {
  static const json nothing = json::object();
  const json* bind_given = find(mount, "BindOptions");
  const json* volume_given = find(mount, "VolumeOptions");
  const json* tmpfs_given = find(mount, "TmpfsOptions");
  const json& bind = bind_given != nullptr ? *bind_given : nothing;
  const json& volume = volume_given != nullptr ? *volume_given : nothing;
  const json& tmpfs = tmpfs_given != nullptr ? *tmpfs_given : nothing;
  const json* driver = find(volume, "DriverConfig");
  return {.type = get<std::string>(mount, "Type"),
          .source = get<std::string>(mount, "Source"),
          .target = get<std::string>(mount, "Target"),
          .read_only = get<bool>(mount, "ReadOnly"),
          .propagation = get<std::string>(bind, "Propagation"),
          .non_recursive = get<bool>(bind, "NonRecursive"),
          .create_mountpoint = get<bool>(bind, "CreateMountpoint"),
          .read_only_non_recursive = get<bool>(bind, "ReadOnlyNonRecursive"),
          .read_only_force_recursive = get<bool>(bind, "ReadOnlyForceRecursive"),
          .no_copy = get<bool>(volume, "NoCopy"),
          .subpath = get<std::string>(volume, "Subpath"),
          .volume_driver = driver != nullptr ? get<std::string>(*driver, "Name") : "",
          .volume_labels = get<StringMap>(volume, "Labels"),
          .volume_options = driver != nullptr ? get<StringMap>(*driver, "Options") : StringMap{},
          .tmpfs_size = get<int64_t>(tmpfs, "SizeBytes"),
          .tmpfs_mode = get<int64_t>(tmpfs, "Mode")};
}

std::vector<ThrottleRequest> read_rates(const json& host, const char* key, const char* number) {
  std::vector<ThrottleRequest> rates;
  if (const json* list = find(host, key))
    for (const json& item : *list)
      rates.push_back({get<std::string>(item, "Path"), get<int64_t>(item, number)});
  return rates;
}

std::vector<DeviceRequest> read_devices(const json& host) {
  std::vector<DeviceRequest> devices;
  if (const json* list = find(host, "Devices"))
    for (const json& item : *list)
      devices.push_back({get<std::string>(item, "PathOnHost"),
                         get<std::string>(item, "PathInContainer"),
                         get<std::string>(item, "CgroupPermissions")});
  return devices;
}

std::vector<UlimitRequest> read_ulimits(const json& host) {
  std::vector<UlimitRequest> ulimits;
  if (const json* list = find(host, "Ulimits"))
    for (const json& item : *list)
      ulimits.push_back(
          {get<std::string>(item, "Name"), get<int64_t>(item, "Soft"), get<int64_t>(item, "Hard")});
  return ulimits;
}

RestartPolicy read_restart_policy(const json& host) {
  const json* policy = find(host, "RestartPolicy");
  if (policy == nullptr) return {};
  std::string name = get<std::string>(*policy, "Name");
  return {name.empty() ? "no" : name, get<int64_t>(*policy, "MaximumRetryCount")};
}

bool has_name(const Strings& env, std::string_view assignment) {
  std::string_view name = assignment.substr(0, assignment.find('='));
  return std::any_of(env.begin(), env.end(), [&](const std::string& other) {
    return std::string_view(other).substr(0, other.find('=')) == name;
  });
}

void merge_env(json& config, const Strings& image_env) {
  Strings env = get<Strings>(config, "Env");
  Strings added;
  for (const std::string& assignment : image_env)
    // An entry without '=' or name, or with a NUL, is no variable (U08).
    if (assignment.find('=') != std::string::npos && assignment[0] != '=' &&
        assignment.find('\0') == std::string::npos && !has_name(env, assignment))
      added.push_back(assignment);
  if (added.empty()) return;
  env.insert(env.end(), added.begin(), added.end());
  config["Env"] = env;
}

void merge_command(json& config, const image::ImageRunConfig& image) {
  bool has_entrypoint = find(config, "Entrypoint") != nullptr;
  Strings entrypoint = get<Strings>(config, "Entrypoint");
  if (!entrypoint.empty()) return;
  if (get<Strings>(config, "Cmd").empty() && !image.cmd.empty()) config["Cmd"] = image.cmd;
  if (!has_entrypoint && !image.entrypoint.empty()) config["Entrypoint"] = image.entrypoint;
}

json healthcheck_json(const image::ImageHealthcheck& check) {
  json value = {{"Test", check.test}};
  if (check.interval_ns != 0) value["Interval"] = check.interval_ns;
  if (check.timeout_ns != 0) value["Timeout"] = check.timeout_ns;
  if (check.start_period_ns != 0) value["StartPeriod"] = check.start_period_ns;
  if (check.start_interval_ns != 0) value["StartInterval"] = check.start_interval_ns;
  if (check.retries != 0) value["Retries"] = check.retries;
  return value;
}

// What the user left open is the image's.
void merge_healthcheck(json& config, const image::ImageHealthcheck& image) {
  const json inherited = healthcheck_json(image);
  if (find(config, "Healthcheck") == nullptr) {
    config["Healthcheck"] = inherited;
    return;
  }
  json& own = config["Healthcheck"];
  const auto is_open = [&](const std::string& key) {
    const json* value = find(own, key.c_str());
    return value == nullptr || *value == 0 || value->empty();
  };
  for (auto field = inherited.begin(); field != inherited.end(); ++field)
    if (is_open(field.key())) own[field.key()] = *field;
}

void take_if_empty(json& config, const char* key, const std::string& value) {
  if (!value.empty() && get<std::string>(config, key).empty()) config[key] = value;
}

void add_keys(json& config, const char* key, const Strings& names) {
  for (const std::string& name : names) {
    if (find(config, key) == nullptr) config[key] = json::object();
    config[key][name] = json::object();
  }
}

}  // namespace

ContainerConfig read_config(const json& config) {
  ContainerConfig result{.hostname = get<std::string>(config, "Hostname"),
                         .domainname = get<std::string>(config, "Domainname"),
                         .user = get<std::string>(config, "User"),
                         .tty = get<bool>(config, "Tty"),
                         .open_stdin = get<bool>(config, "OpenStdin"),
                         .stdin_once = get<bool>(config, "StdinOnce"),
                         .env = get<Strings>(config, "Env"),
                         .cmd = get<Strings>(config, "Cmd"),
                         .entrypoint = get<Strings>(config, "Entrypoint"),
                         .image = get<std::string>(config, "Image"),
                         .volumes = keys(config, "Volumes"),
                         .exposed_ports = keys(config, "ExposedPorts"),
                         .working_dir = get<std::string>(config, "WorkingDir"),
                         .network_disabled = get<bool>(config, "NetworkDisabled"),
                         .mac_address = get<std::string>(config, "MacAddress"),
                         .labels = get<StringMap>(config, "Labels"),
                         .stop_signal = get<std::string>(config, "StopSignal"),
                         .stop_timeout = get_optional<int64_t>(config, "StopTimeout"),
                         .health_check = find_health_check(config)};
  return result;
}

ResourceRequest read_resources(const json& host) {
  return {.memory = get<int64_t>(host, "Memory"),
          .memory_reservation = get<int64_t>(host, "MemoryReservation"),
          .memory_swap = get<int64_t>(host, "MemorySwap"),
          .memory_swappiness = get_optional<int64_t>(host, "MemorySwappiness"),
          .oom_kill_disable = get_optional<bool>(host, "OomKillDisable"),
          .nano_cpus = get<int64_t>(host, "NanoCpus"),
          .cpu_shares = get<int64_t>(host, "CpuShares"),
          .cpu_period = get<int64_t>(host, "CpuPeriod"),
          .cpu_quota = get<int64_t>(host, "CpuQuota"),
          .cpu_realtime_period = get<int64_t>(host, "CpuRealtimePeriod"),
          .cpu_realtime_runtime = get<int64_t>(host, "CpuRealtimeRuntime"),
          .cpuset_cpus = get<std::string>(host, "CpusetCpus"),
          .cpuset_mems = get<std::string>(host, "CpusetMems"),
          .pids_limit = get_optional<int64_t>(host, "PidsLimit"),
          .blkio_weight = get<int64_t>(host, "BlkioWeight"),
          .blkio_weight_devices = read_rates(host, "BlkioWeightDevice", "Weight"),
          .read_bps = read_rates(host, "BlkioDeviceReadBps", "Rate"),
          .write_bps = read_rates(host, "BlkioDeviceWriteBps", "Rate"),
          .read_iops = read_rates(host, "BlkioDeviceReadIOps", "Rate"),
          .write_iops = read_rates(host, "BlkioDeviceWriteIOps", "Rate"),
          .devices = read_devices(host),
          .device_cgroup_rules = get<Strings>(host, "DeviceCgroupRules"),
          .wants_device_requests =
              find(host, "DeviceRequests") != nullptr && !host["DeviceRequests"].empty(),
          .ulimits = read_ulimits(host),
          .cgroup_parent = get<std::string>(host, "CgroupParent"),
          .restart_policy = read_restart_policy(host)};
}

HostConfig read_host_config(const json& host) {
  HostConfig result;
  result.resources = read_resources(host);
  result.binds = get<Strings>(host, "Binds");
  if (const json* mounts = find(host, "Mounts"))
    for (const json& mount : *mounts) result.mounts.push_back(read_mount(mount));
  for (const auto& [destination, options] : get<StringMap>(host, "Tmpfs"))
    result.tmpfs.emplace_back(destination, options);
  result.volumes_from = get<Strings>(host, "VolumesFrom");
  result.volume_driver = get<std::string>(host, "VolumeDriver");
  if (const json* log = find(host, "LogConfig")) {
    result.log_type = get<std::string>(*log, "Type");
    result.log_options = get<StringMap>(*log, "Config");
  }
  result.network_mode = get<std::string>(host, "NetworkMode");
  result.publishes_ports =
      !keys(host, "PortBindings").empty() || get<bool>(host, "PublishAllPorts");
  result.auto_remove = get<bool>(host, "AutoRemove");
  if (const json* size = find(host, "ConsoleSize"))
    result.console_size = {(*size)[0].get<int64_t>(), (*size)[1].get<int64_t>()};
  result.cap_add = get<Strings>(host, "CapAdd");
  result.cap_drop = get<Strings>(host, "CapDrop");
  result.cgroupns_mode = get<std::string>(host, "CgroupnsMode");
  result.ipc_mode = get<std::string>(host, "IpcMode");
  result.pid_mode = get<std::string>(host, "PidMode");
  result.uts_mode = get<std::string>(host, "UTSMode");
  result.userns_mode = get<std::string>(host, "UsernsMode");
  result.dns = get<Strings>(host, "Dns");
  result.dns_options = get<Strings>(host, "DnsOptions");
  result.dns_search = get<Strings>(host, "DnsSearch");
  result.extra_hosts = get<Strings>(host, "ExtraHosts");
  result.group_add = get<Strings>(host, "GroupAdd");
  result.links = get<Strings>(host, "Links");
  result.oom_score_adj = get<int64_t>(host, "OomScoreAdj");
  result.privileged = get<bool>(host, "Privileged");
  result.readonly_rootfs = get<bool>(host, "ReadonlyRootfs");
  result.security_opt = get<Strings>(host, "SecurityOpt");
  result.shm_size = get<int64_t>(host, "ShmSize");
  result.sysctls = get<StringMap>(host, "Sysctls");
  result.storage_opt = get<StringMap>(host, "StorageOpt");
  result.runtime = get<std::string>(host, "Runtime");
  result.isolation = get<std::string>(host, "Isolation");
  result.masked_paths = get_optional<Strings>(host, "MaskedPaths");
  result.readonly_paths = get_optional<Strings>(host, "ReadonlyPaths");
  result.init = get_optional<bool>(host, "Init");
  return result;
}

void merge_image_config(json& config, const image::ImageRunConfig& image) {
  take_if_empty(config, "User", image.user);
  take_if_empty(config, "WorkingDir", image.working_dir);
  take_if_empty(config, "StopSignal", image.stop_signal);
  merge_env(config, image.env);
  merge_command(config, image);
  add_keys(config, "ExposedPorts", image.exposed_ports);
  add_keys(config, "Volumes", image.volumes);
  for (const auto& [name, value] : image.labels)
    if (!config["Labels"].contains(name)) config["Labels"][name] = value;
  if (image.stop_timeout && find(config, "StopTimeout") == nullptr)
    config["StopTimeout"] = *image.stop_timeout;
  if (image.healthcheck) merge_healthcheck(config, *image.healthcheck);
}

}  // namespace ctr::daemon
