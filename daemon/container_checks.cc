#include "daemon/container_checks.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <thread>

#include "daemon/networks/network_files.h"
#include "daemon/spec_builder.h"
#include "daemon/user_ranges.h"
#include "runtime/sys/error.h"
#include "runtime/sys/file.h"
#include "runtime/sys/number_list.h"

namespace ctr::daemon {

namespace {

template <class... Arguments>
[[noreturn]] void refuse(fmt::format_string<Arguments...> format, Arguments&&... arguments) {
  throw sys::Error(sys::ErrorKind::invalid_argument,
                   fmt::format(format, std::forward<Arguments>(arguments)...));
}

std::string read_list(const char* path, const std::string& otherwise) {
  std::optional<std::string> text = sys::find_file(path, 4096);
  if (!text) return otherwise;
  while (!text->empty() && text->back() == '\n') text->pop_back();
  return text->empty() ? otherwise : *text;
}

// Without swap accounting a limit on memory plus swap cannot be kept: Docker then leaves it out and
// says so.
void drop_swap_limit(ResourceRequest& resources, std::vector<std::string>& warnings) {
  if (resources.memory_swap > 0)
    warnings.push_back(
        "Your kernel does not support swap limit capabilities or the cgroup is not "
        "mounted. Memory limited without swap.");
  resources.memory_swap = -1;
}

void check_cpuset(const std::string& wanted, const std::string& online, const char* field,
                  const char* things) {
  if (wanted.empty()) return;
  std::vector<int> available = sys::parse_number_list(online);
  std::vector<int> numbers;
  try {
    numbers = sys::parse_number_list(wanted);
  } catch (const sys::Error&) {
    refuse("Invalid value {} for cpuset {}", wanted, field);
  }
  for (int number : numbers)
    if (!std::binary_search(available.begin(), available.end(), number))
      refuse("Requested {} are not available - requested {}, available: {}", things, wanted,
             online);
}

void check_block_io(const ResourceRequest& resources) {
  for (const ThrottleRequest& device : resources.blkio_weight_devices)
    if (device.rate < 10 || device.rate > 1000) refuse("Range of blkio weight is from 10 to 1000");
  for (const auto* rates :
       {&resources.read_bps, &resources.write_bps, &resources.read_iops, &resources.write_iops})
    for (const ThrottleRequest& device : *rates)
      if (device.rate < 0) refuse("invalid rate {} for device '{}'", device.rate, device.path);
}

bool is_container_mode(const std::string& mode) {
  return mode.starts_with("container:");
}

void check_namespace_modes(const HostConfig& host) {
  auto allowed = [](const std::string& mode, std::initializer_list<std::string_view> modes) {
    return std::find(modes.begin(), modes.end(), mode) != modes.end();
  };
  if (!is_container_mode(host.ipc_mode) &&
      !allowed(host.ipc_mode, {"", "none", "private", "shareable", "host"}))
    refuse("invalid IPC mode: {}", host.ipc_mode);
  if (!is_container_mode(host.pid_mode) && !allowed(host.pid_mode, {"", "host"}))
    refuse("invalid PID mode: {}", host.pid_mode);
  if (!allowed(host.uts_mode, {"", "host"})) refuse("invalid UTS mode: {}", host.uts_mode);
  if (!allowed(host.cgroupns_mode, {"", "private", "host"}))
    refuse("invalid cgroup namespace mode: {}", host.cgroupns_mode);
  if (!allowed(host.userns_mode, {"", "host"})) (void)parse_auto_size(host.userns_mode);
  for (const std::string* mode : {&host.ipc_mode, &host.pid_mode, &host.network_mode})
    if (*mode == "container:") refuse("invalid container format container:<name|id>");
}

void check_network_mode(const ContainerConfig& config, const HostConfig& host) {
  if (host.uts_mode == "host" && !config.hostname.empty())
    refuse("conflicting options: hostname and the UTS mode");
  if (host.network_mode == "host" && !host.links.empty())
    refuse(
        "conflicting options: host type networking can't be used with links. This would result "
        "in undefined behavior");
  if (!is_container_mode(host.network_mode)) return;
  if (!config.hostname.empty()) refuse("conflicting options: hostname and the network mode");
  if (!host.links.empty())
    refuse(
        "conflicting options: container type network can't be used with links. This would "
        "result in undefined behavior");
  if (!host.dns.empty()) refuse("conflicting options: dns and the network mode");
  if (!host.extra_hosts.empty())
    refuse("conflicting options: custom host-to-IP mapping and the network mode");
  if (host.publishes_ports)
    refuse("conflicting options: port publishing and the container type network mode");
  if (!config.mac_address.empty()) refuse("conflicting options: mac-address and the network mode");
}

// Only what is namespaced, and only where the namespace is the container's own (I13).
void check_sysctls(const HostConfig& host) {
  static constexpr std::array<std::string_view, 8> ipc_names{
      "kernel.msgmax", "kernel.msgmnb", "kernel.msgmni", "kernel.sem",
      "kernel.shmall", "kernel.shmmax", "kernel.shmmni", "kernel.shm_rmid_forced"};
  for (const auto& [name, value] : host.sysctls) {
    bool plain = !name.empty() && name.find("..") == std::string::npos &&
                 std::all_of(name.begin(), name.end(), [](char c) {
                   return isalnum(static_cast<unsigned char>(c)) || c == '.' || c == '_' ||
                          c == '-' || c == '/' || c == ':';
                 });
    bool ipc = std::find(ipc_names.begin(), ipc_names.end(), name) != ipc_names.end() ||
               name.starts_with("fs.mqueue.");
    bool net = name.starts_with("net.");
    bool uts = name == "kernel.domainname";
    if (!plain || !(ipc || net || uts) || name.find('/') == 0)
      refuse("sysctl '{}' is not allowed: it is not namespaced", name);
    if (value.find('\n') != std::string::npos)
      refuse("value of sysctl '{}' must not contain a line break", name);
    if (ipc && host.ipc_mode == "host")
      refuse("sysctl '{}' is not allowed with the host's IPC namespace", name);
    if (net && host.network_mode == "host")
      refuse("sysctl '{}' is not allowed with the host's network namespace", name);
  }
}

// What no cgroup can be called: else the start would fail, and so would the removal.
void check_cgroup_parent(const std::string& parent) {
  if (("/" + parent + "/").find("/../") != std::string::npos || parent.size() > 1024 ||
      parent.find('\n') != std::string::npos)
    refuse("invalid cgroup parent '{}': must be the path of a cgroup, without '..'", parent);
}

void check_port(const std::string& port) {
  std::string_view number = std::string_view(port).substr(0, port.find('/'));
  std::string_view protocol =
      number.size() == port.size() ? "tcp" : std::string_view(port).substr(number.size() + 1);
  auto in_range = [](std::string_view text) {
    unsigned value = 0;
    auto end = std::from_chars(text.data(), text.data() + text.size(), value);
    return end.ec == std::errc() && end.ptr == text.data() + text.size() && value <= 65535;
  };
  size_t dash = number.find('-');
  bool range = dash == std::string_view::npos
                   ? in_range(number)
                   : in_range(number.substr(0, dash)) && in_range(number.substr(dash + 1));
  if (!range) refuse("invalid port specification: \"{}\"", port);
  if (protocol != "tcp" && protocol != "udp" && protocol != "sctp")
    refuse("invalid protocol \"{}\" in port specification \"{}\"", protocol, port);
}

}  // namespace

MachineLimits read_machine_limits(bool swap_limit, bool oom_kill_disable) {
  int cpus = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
  return {.cpus = cpus,
          .online_cpus = read_list("/sys/devices/system/cpu/online", fmt::format("0-{}", cpus - 1)),
          .online_nodes = read_list("/sys/devices/system/node/online", "0"),
          .swap_limit = swap_limit,
          .oom_kill_disable = oom_kill_disable};
}

void check_config(const ContainerConfig& config) {
  if (config.entrypoint.empty() && config.cmd.empty()) refuse("no command specified");
  if (!config.hostname.empty()) check_hostname(config.hostname);
  if (!config.working_dir.empty() && config.working_dir[0] != '/')
    refuse("the working directory '{}' is invalid, it needs to be an absolute path",
           config.working_dir);
  for (const std::string& assignment : config.env)
    if (assignment.empty() || assignment[0] == '=')
      refuse("invalid environment variable: {}", assignment);
  if (!config.stop_signal.empty()) parse_signal(config.stop_signal);
  for (const std::string& port : config.exposed_ports) check_port(port);
}

std::vector<std::string> check_limits(ResourceRequest& resources, const MachineLimits& machine) {
  if (resources.memory < 0) refuse("Minimum memory limit allowed is 6MB");
  if (resources.memory_reservation < 0) refuse("Minimum memory reservation allowed is 6MB");
  if (resources.memory_swap < -1)
    refuse("invalid value {}, valid memoryswap is -1, 0 or a positive number",
           resources.memory_swap);
  if (resources.cpu_shares < 0)
    refuse("invalid CPU shares ({}): value must be a positive integer", resources.cpu_shares);
  std::vector<std::string> warnings = check_resources(resources);
  check_cpuset(resources.cpuset_cpus, machine.online_cpus, "cpus", "CPUs");
  check_cpuset(resources.cpuset_mems, machine.online_nodes, "mems", "memory nodes");
  check_block_io(resources);
  if (resources.memory > 0 && !machine.swap_limit) drop_swap_limit(resources, warnings);
  return warnings;
}

void check_restart_policy(const RestartPolicy& policy, bool auto_remove) {
  if (policy.name != "no" && policy.name != "always" && policy.name != "unless-stopped" &&
      policy.name != "on-failure")
    refuse(
        "invalid restart policy: unknown policy '{}'; use one of 'no', 'always', 'on-failure', "
        "or 'unless-stopped'",
        policy.name);
  if (policy.maximum_retries < 0)
    refuse("invalid restart policy: maximum retry count cannot be negative");
  if (policy.maximum_retries > 0 && policy.name != "on-failure")
    refuse("invalid restart policy: maximum retry count can only be used with 'on-failure'");
  if (auto_remove && policy.name != "no")
    refuse("can't create 'AutoRemove' container with restart policy");
}

void check_host_config(const ContainerConfig& config, const HostConfig& host) {
  check_namespace_modes(host);
  check_network_mode(config, host);
  check_sysctls(host);
  check_restart_policy(host.resources.restart_policy, host.auto_remove);
  check_cgroup_parent(host.resources.cgroup_parent);
  for (const std::string& entry : host.extra_hosts) check_extra_host(entry);
  if (host.oom_score_adj < -1000 || host.oom_score_adj > 1000)
    refuse("Invalid value {}, range for oom score adj is [-1000, 1000]", host.oom_score_adj);
  if (host.shm_size < 0) refuse("SHM size can not be less than 0");
  if (!host.isolation.empty() && host.isolation != "default")
    refuse("invalid isolation '{}' on linux", host.isolation);
  if (!host.runtime.empty() && host.runtime != "ctr" && host.runtime != "runc")
    refuse("unknown or invalid runtime name: {}", host.runtime);
  if (host.log_type != "json-file" && host.log_type != "none" && host.log_type != "local" &&
      !host.log_type.empty())
    refuse("logger: no log driver named '{}' is registered", host.log_type);
  if (!host.storage_opt.empty())
    refuse("--storage-opt is not supported: overlay on this file system has no quota");
}

void check_user_namespace(const HostConfig& host, bool by_default) {
  if (!wants_user_namespace(host.userns_mode, by_default)) return;
  if (host.privileged)
    refuse("privileged mode is incompatible with user namespaces: run it with --userns=host");
  if (host.network_mode == "host")
    refuse("cannot share the host's network namespace when user namespaces are enabled: run it with --userns=host");
  if (host.pid_mode == "host")
    refuse("cannot share the host PID namespace when user namespaces are enabled: run it with --userns=host");
}

}  // namespace ctr::daemon
