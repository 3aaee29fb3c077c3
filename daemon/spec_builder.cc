#include "daemon/spec_builder.h"

#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>

#include "daemon/default_isolation.h"
#include "daemon/spec_mounts.h"
#include "runtime/security/capabilities.h"
#include "runtime/security/rlimits.h"
#include "runtime/sys/error.h"

namespace ctr::daemon {

namespace {

using runtime::ContainerSpec;
using runtime::NamespaceKind;

constexpr std::string_view path_variable =
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

[[noreturn]] void refuse(const std::string& message) {
  throw sys::Error(sys::ErrorKind::invalid_argument, message);
}

bool sets_variable(const std::vector<std::string>& env, std::string_view name) {
  return std::any_of(env.begin(), env.end(), [&](const std::string& entry) {
    return entry.size() > name.size() && entry.compare(0, name.size(), name) == 0 &&
           entry[name.size()] == '=';
  });
}

// Docker's order: PATH, HOSTNAME, TERM, links, then the image's and the user's, which win.
std::vector<std::string> plan_environment(const ContainerConfig& config,
                                          const std::vector<std::string>& links) {
  std::vector<std::string> env;
  if (!sets_variable(config.env, "PATH")) env.emplace_back(path_variable);
  if (!config.hostname.empty()) env.push_back("HOSTNAME=" + config.hostname);
  if (config.tty) env.emplace_back("TERM=xterm");
  env.insert(env.end(), links.begin(), links.end());
  env.insert(env.end(), config.env.begin(), config.env.end());
  return env;
}

std::vector<std::string> plan_arguments(const ContainerConfig& config,
                                        const HostConfig& host_config, const HostFacts& facts) {
  std::vector<std::string> arguments;
  if (host_config.init.value_or(facts.init)) {
    if (facts.docker_init.empty())
      refuse(
          "--init needs a static init program, and none is installed: apt-get install tini, or "
          "name one with ctrd --init-path");
    arguments = {"/sbin/docker-init", "--"};
  }
  arguments.insert(arguments.end(), config.entrypoint.begin(), config.entrypoint.end());
  arguments.insert(arguments.end(), config.cmd.begin(), config.cmd.end());
  if (config.entrypoint.empty() && config.cmd.empty()) refuse("no command specified");
  return arguments;
}

uint64_t limit_value(int64_t value) {
  return value < 0 ? RLIM_INFINITY : static_cast<uint64_t>(value);
}

std::vector<runtime::Rlimit> plan_limits(const HostConfig& host_config, const HostFacts& facts) {
  std::vector<runtime::Rlimit> limits;
  auto set = [&](runtime::Rlimit limit) {
    std::erase_if(limits, [&](const runtime::Rlimit& other) { return other.name == limit.name; });
    limits.push_back(std::move(limit));
  };
  for (runtime::Rlimit limit : facts.default_limits) {
    limit.is_default = true;
    set(limit);
  }
  for (const UlimitRequest& request : host_config.resources.ulimits) {
    // The check of the name, and of soft against hard, is that of the text form.
    runtime::Rlimit limit =
        runtime::parse_ulimit(fmt::format("{}={}:{}", request.name, request.soft, request.hard));
    limit.soft = limit_value(request.soft);
    limit.hard = limit_value(request.hard);
    set(limit);
  }
  return limits;
}

runtime::Process plan_process(const ContainerConfig& config, const HostConfig& host_config,
                              const Placement& placement, const HostFacts& facts) {
  runtime::Process process;
  process.terminal = config.tty;
  process.terminal_rows =
      static_cast<uint16_t>(std::clamp<int64_t>(host_config.console_size.first, 0, 65535));
  process.terminal_columns =
      static_cast<uint16_t>(std::clamp<int64_t>(host_config.console_size.second, 0, 65535));
  process.user.docker_user = config.user.empty() ? "0" : config.user;
  process.user.docker_groups = host_config.group_add;
  process.args = plan_arguments(config, host_config, facts);
  process.env = plan_environment(config, placement.link_environment);
  process.cwd = config.working_dir.empty() ? "/" : config.working_dir;
  process.make_cwd = true;
  process.capabilities =
      runtime::process_capabilities(plan_container_capabilities(host_config, facts), 0);
  process.rlimits = plan_limits(host_config, facts);
  SecurityOptions security = parse_security_options(host_config, facts);
  process.no_new_privileges = security.no_new_privileges;
  process.apparmor_profile = security.apparmor_profile;
  process.oom_score_adj = static_cast<int>(host_config.oom_score_adj);
  return process;
}

struct Mode {
  NamespaceKind kind;
  const std::string* value;
};

std::vector<runtime::Namespace> plan_namespaces(const HostConfig& host_config,
                                                const Placement& placement) {
  static const std::string own;
  const Mode modes[] = {{NamespaceKind::mount, &own},
                        {NamespaceKind::uts, &host_config.uts_mode},
                        {NamespaceKind::ipc, &host_config.ipc_mode},
                        {NamespaceKind::pid, &host_config.pid_mode},
                        {NamespaceKind::network, &host_config.network_mode},
                        {NamespaceKind::cgroup, &host_config.cgroupns_mode}};
  std::vector<runtime::Namespace> namespaces;
  const auto add = [&](NamespaceKind kind) {
    auto joined = placement.joined.find(kind);
    namespaces.push_back({kind, joined == placement.joined.end() ? "" : joined->second});
  };
  for (const Mode& mode : modes)
    if (*mode.value != "host") add(mode.kind);
  if (placement.ids.mapped()) add(NamespaceKind::user);
  return namespaces;
}

std::vector<runtime::IdMap> plan_id_maps(const image::IdRange& range) {
  if (range.size == 0) return {};
  return {{.container_id = 0, .host_id = range.first, .size = range.size}};
}

bool makes_network(const HostConfig& host_config) {
  return host_config.network_mode != "host" && host_config.network_mode.rfind("container:", 0) != 0;
}

// --device of a directory gives every device node inside of it.
void add_requested_device(const DeviceRequest& request, std::vector<runtime::Device>& devices) {
  struct stat status {};
  if (::stat(request.path_on_host.c_str(), &status) < 0)
    refuse(fmt::format("error gathering device information while adding custom device \"{}\": {}",
                       request.path_on_host, sys::errno_text(errno)));
  if (!S_ISCHR(status.st_mode) && !S_ISBLK(status.st_mode))
    refuse(
        fmt::format("error gathering device information while adding custom device \"{}\": not a "
                    "device node",
                    request.path_on_host));
  runtime::Device device;
  device.path =
      request.path_in_container.empty() ? request.path_on_host : request.path_in_container;
  device.type = S_ISBLK(status.st_mode) ? 'b' : 'c';
  device.major = major(status.st_rdev);
  device.minor = minor(status.st_rdev);
  device.mode = status.st_mode & 07777;
  device.uid = status.st_uid;
  device.gid = status.st_gid;
  devices.push_back(device);
}

std::vector<runtime::Device> plan_devices(const HostConfig& host_config, const HostFacts& facts) {
  std::vector<runtime::Device> devices = default_devices();
  auto known = [&](const runtime::Device& device) {
    return std::any_of(devices.begin(), devices.end(),
                       [&](const runtime::Device& other) { return other.path == device.path; });
  };
  if (host_config.privileged)
    for (const runtime::Device& device : facts.devices)
      if (!known(device)) devices.push_back(device);
  for (const DeviceRequest& request : host_config.resources.devices)
    add_requested_device(request, devices);
  return devices;
}

// kernel.* that belong to the IPC namespace; fs.mqueue.*; net.*. The rest is the host's (I13).
bool is_namespaced_sysctl(const std::string& name, const HostConfig& host_config) {
  static constexpr std::string_view ipc[] = {
      "kernel.msgmax", "kernel.msgmnb", "kernel.msgmni", "kernel.sem",
      "kernel.shmall", "kernel.shmmax", "kernel.shmmni", "kernel.shm_rmid_forced"};
  bool own_ipc = host_config.ipc_mode != "host";
  if (std::find(std::begin(ipc), std::end(ipc), name) != std::end(ipc)) return own_ipc;
  if (name.rfind("fs.mqueue.", 0) == 0) return own_ipc;
  if (name.rfind("net.", 0) == 0) return host_config.network_mode != "host";
  return name == "kernel.domainname" && host_config.uts_mode != "host";
}

std::map<std::string, std::string> plan_sysctls(const HostConfig& host_config, const image::IdRanges& ids) {
  std::map<std::string, std::string> sysctls;
  if (makes_network(host_config)) {
    sysctls["net.ipv4.ip_unprivileged_port_start"] = "0";
    // Every group that there is.
    sysctls["net.ipv4.ping_group_range"] = fmt::format("0 {}", ids.mapped() ? ids.gids.size - 1 : 2147483647);
  }
  for (const auto& [name, value] : host_config.sysctls) {
    bool clean = name.find("..") == std::string::npos && name.find('/') == std::string::npos &&
                 value.find('\n') == std::string::npos;
    if (!clean || !is_namespaced_sysctl(name, host_config))
      refuse(
          fmt::format("sysctl '{}={}' is not allowed: it is not one of the container's own "
                      "namespaces",
                      name, value));
    sysctls[name] = value;
  }
  return sysctls;
}

}  // namespace

uint64_t plan_container_capabilities(const HostConfig& host_config, const HostFacts& facts) {
  uint64_t known = facts.kernel_capabilities;
  if (host_config.privileged) return known;
  return runtime::plan_capabilities(runtime::default_capabilities, host_config.cap_add,
                                    host_config.cap_drop) &
         known;
}

SecurityOptions parse_security_options(const HostConfig& host_config, const HostFacts& facts) {
  SecurityOptions options;
  options.no_new_privileges = facts.no_new_privileges;
  options.paths_unconfined = host_config.privileged;
  options.seccomp_unconfined = host_config.privileged || facts.seccomp_unconfined;
  options.seccomp_profile = facts.seccomp_profile;
  const bool has_apparmor = !facts.apparmor_profile.empty();
  if (has_apparmor)
    options.apparmor_profile = host_config.privileged ? "unconfined" : facts.apparmor_profile;
  for (const std::string& text : host_config.security_opt) {
    size_t separator = text.find_first_of("=:");
    std::string name = text.substr(0, separator);
    std::string value = separator == std::string::npos ? "" : text.substr(separator + 1);
    if (name == "no-new-privileges") {
      if (!value.empty() && value != "true" && value != "false")
        refuse(fmt::format("invalid --security-opt 2: \"{}\"", text));
      options.no_new_privileges = value != "false";
    } else if (name == "seccomp") {
      options.seccomp_unconfined = value == "unconfined";
      options.seccomp_profile = value == "unconfined" || value == "builtin" ? "" : value;
    } else if (name == "apparmor") {
      // As in Docker: what is asked for where there is no AppArmor is asked in vain.
      if (has_apparmor && value != "docker-default" && !value.empty()) options.apparmor_profile = value;
    } else if (name == "systempaths" && value == "unconfined") {
      options.paths_unconfined = true;
    } else if (name != "label" && name != "writable-cgroups") {
      refuse(fmt::format("invalid --security-opt 2: \"{}\"", text));
    }
  }
  return options;
}

ContainerSpec build_spec(const ContainerConfig& config, const HostConfig& host_config,
                         const Placement& placement, const HostFacts& facts) {
  SecurityOptions security = parse_security_options(host_config, facts);
  ContainerSpec spec;
  spec.process = plan_process(config, host_config, placement, facts);
  spec.root.readonly = host_config.readonly_rootfs;
  spec.root.overlay = placement.overlay;
  spec.root.overlay->idmapped = placement.ids.mapped();
  if (host_config.uts_mode != "host") {
    spec.hostname = config.hostname;
    spec.domainname = config.domainname;
  }
  spec.mounts = plan_mounts(host_config, placement, facts);
  spec.namespaces = plan_namespaces(host_config, placement);
  spec.uid_mappings = plan_id_maps(placement.ids.uids);
  spec.gid_mappings = plan_id_maps(placement.ids.gids);
  spec.devices = plan_devices(host_config, facts);
  const std::string& parent = host_config.resources.cgroup_parent;
  spec.cgroup_path = (parent.empty() ? "/ctr" : parent) + "/" + placement.id;
  spec.resources = plan_resources(host_config.resources, host_config, facts);
  if (!security.paths_unconfined) {
    spec.masked_paths =
        host_config.masked_paths.value_or(default_masked_paths(facts.possible_cpus));
    spec.readonly_paths = host_config.readonly_paths.value_or(default_readonly_paths());
  }
  spec.sysctl = plan_sysctls(host_config, placement.ids);
  spec.interfaces = placement.interfaces;
  if (!security.seccomp_unconfined) {
    spec.seccomp.compiled_path = placement.seccomp_program;
    spec.seccomp.filter_flags = placement.seccomp_flags;
  }
  return spec;
}

runtime::Process build_exec_process(const ContainerSpec& container, const ExecConfig& exec,
                                    const HostFacts& facts) {
  runtime::Process process = container.process;
  process.terminal = exec.tty;
  process.terminal_rows = exec.rows;
  process.terminal_columns = exec.columns;
  process.args = exec.cmd;
  std::erase_if(process.env, [](const std::string& entry) { return entry.rfind("TERM=", 0) == 0; });
  if (exec.tty) process.env.emplace_back("TERM=xterm");
  process.env.insert(process.env.end(), exec.env.begin(), exec.env.end());
  if (!exec.user.empty()) {
    process.user.docker_user = exec.user;
    process.user.docker_groups.clear();
  }
  if (!exec.working_dir.empty()) process.cwd = exec.working_dir;
  process.make_cwd = false;
  if (exec.privileged) {
    process.capabilities = runtime::process_capabilities(facts.kernel_capabilities, 0);
    if (!process.apparmor_profile.empty()) process.apparmor_profile = "unconfined";
  }
  return process;
}

}  // namespace ctr::daemon
