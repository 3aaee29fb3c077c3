#include "daemon/routes/system_info.h"

#include <fmt/format.h>
#include <sys/vfs.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "daemon/version.h"
#include "runtime/cgroup/layout.h"
#include "runtime/sys/file.h"
#include "runtime/sys/timestamp.h"

namespace ctr::daemon {

using nlohmann::json;

namespace {

// statfs(2)'s numbers for the file systems that a data root lies on.
std::string file_system_name(const std::string& path) {
  struct statfs info {};
  if (::statfs(path.c_str(), &info) < 0) return "unknown";
  switch (static_cast<uint32_t>(info.f_type)) {
    case 0xef53:
      return "extfs";
    case 0x58465342:
      return "xfs";
    case 0x9123683e:
      return "btrfs";
    case 0x01021994:
      return "tmpfs";
    case 0x794c7630:
      return "overlayfs";
    case 0x2fc12fc1:
      return "zfs";
    case 0xf2f52010:
      return "f2fs";
    default:
      return fmt::format("{:#x}", static_cast<uint32_t>(info.f_type));
  }
}

// Which limits a container can have: the controllers that the kernel offers.
json limits_json(const runtime::CgroupLayout& layout) {
  auto has = [&](std::string_view name) { return layout.find_controller(name) != nullptr; };
  bool v2 = layout.mode() == runtime::CgroupMode::v2;
  return {{"MemoryLimit", has("memory")}, {"SwapLimit", has("memory") && layout.swap_accounting},
          {"CpuCfsPeriod", has("cpu")},   {"CpuCfsQuota", has("cpu")},
          {"CPUShares", has("cpu")},      {"CPUSet", has("cpuset")},
          {"PidsLimit", has("pids")},     {"OomKillDisable", has("memory") && !v2}};
}

json warnings_json(const runtime::CgroupLayout& layout, const Machine& machine) {
  json warnings = json::array();
  auto need = [&](std::string_view controller, const char* text) {
    if (layout.find_controller(controller) == nullptr)
      warnings.push_back(fmt::format("WARNING: No {} support", text));
  };
  need("memory", "memory limit");
  need("cpu", "cpu cfs quota");
  need("cpuset", "cpuset");
  need("pids", "pids limit");
  if (!layout.swap_accounting) warnings.push_back("WARNING: No swap limit support");
  if (!machine.forwards_ipv4) warnings.push_back("WARNING: IPv4 forwarding is disabled");
  return warnings;
}

json registry_json(const Config& config) {
  auto official = [&](const std::string& name, const json& mirrors) {
    return json{{"Name", name}, {"Mirrors", mirrors}, {"Secure", true}, {"Official", true}};
  };
  json indexes{{"docker.io", official("docker.io", config.registry_mirrors)}};
  json subnets = json::array({"::1/128", "127.0.0.0/8"});
  for (const std::string& registry : config.insecure_registries) {
    if (registry.find('/') != std::string::npos)
      subnets.push_back(registry);
    else
      indexes[registry] = {
          {"Name", registry}, {"Mirrors", json::array()}, {"Secure", false}, {"Official", false}};
  }
  return {{"IndexConfigs", indexes},
          {"InsecureRegistryCIDRs", subnets},
          {"Mirrors", config.registry_mirrors},
          {"AllowNondistributableArtifactsCIDRs", json::array()},
          {"AllowNondistributableArtifactsHostnames", json::array()}};
}

// "http://user:secret@proxy" → "http://xxxxx@proxy": everybody who may ask sees it.
std::string without_password(const std::string& url) {
  size_t at = url.rfind('@');
  size_t scheme = url.find("://");
  if (at == std::string::npos) return url;
  size_t start = scheme == std::string::npos ? 0 : scheme + 3;
  return url.substr(0, start) + "xxxxx" + url.substr(at);
}

json swarm_json() {
  return {{"NodeID", ""},
          {"NodeAddr", ""},
          {"LocalNodeState", "inactive"},
          {"ControlAvailable", false},
          {"Error", ""},
          {"RemoteManagers", nullptr}};
}

// Pairs, not an object: clients print them in this order.
json driver_status_json(const Config& config) {
  json status = json::array();
  auto add = [&](const char* name, const std::string& value) {
    status.push_back(json::array({name, value}));
  };
  add("Backing Filesystem", file_system_name(config.data_root));
  add("Supports d_type", "true");
  add("Using metacopy", "false");
  add("Native Overlay Diff", "true");
  return status;
}

json security_options(const Config& config, const Machine& machine) {
  json options = json::array();
  if (machine.has_apparmor) options.push_back("name=apparmor");
  options.push_back("name=seccomp,profile=" + config.seccomp_profile);
  if (!config.userns_remap.empty()) options.push_back("name=userns");
  options.push_back("name=cgroupns");
  if (config.no_new_privileges) options.push_back("name=no-new-privileges");
  return options;
}

json engine_json(const SystemSources& sources, const Machine& machine) {
  const Config& config = sources.config;
  json runtimes{{"ctr", {{"path", config.monitor_path}}}};
  return {{"ID", sources.engine_id},
          {"ServerVersion", docker_version},
          {"Driver", "overlay2"},
          {"DriverStatus", driver_status_json(config)},
          {"DockerRootDir", config.data_root},
          {"DefaultRuntime", "ctr"},
          {"Runtimes", runtimes},
          {"LoggingDriver", config.log_driver},
          {"Plugins",
           {{"Volume", {"local"}},
            {"Network", {"bridge", "host", "null"}},
            {"Authorization", nullptr},
            {"Log", {"json-file", "none"}}}},
          {"SecurityOptions", security_options(config, machine)},
          {"Labels", config.labels},
          {"LiveRestoreEnabled", true},
          {"ExperimentalBuild", false},
          {"Debug", config.log_level == "debug"},
          {"InitBinary", config.init_path},
          {"Isolation", ""},
          {"HttpProxy", without_password(config.http_proxy)},
          {"HttpsProxy", without_password(config.https_proxy)},
          {"NoProxy", config.no_proxy},
          {"IndexServerAddress", "https://index.docker.io/v1/"},
          {"RegistryConfig", registry_json(config)},
          {"Swarm", swarm_json()},
          {"GenericResources", nullptr},
          {"CDISpecDirs", json::array()},
          {"ContainerdCommit", {{"ID", ""}}},
          {"RuncCommit", {{"ID", engine_version}}},
          {"InitCommit", {{"ID", ""}}},
          {"FirewallBackend", {{"Driver", "nftables"}}}};
}

json host_json(const Machine& machine) {
  return {{"Name", machine.name},
          {"OperatingSystem", machine.operating_system},
          {"OSVersion", machine.os_version},
          {"OSType", "linux"},
          {"Architecture", machine.machine},
          {"KernelVersion", machine.kernel_version},
          {"NCPU", machine.processors},
          {"MemTotal", machine.memory},
          {"IPv4Forwarding", machine.forwards_ipv4},
          {"BridgeNfIptables", machine.filters_bridges_ipv4},
          {"BridgeNfIp6tables", machine.filters_bridges_ipv6}};
}

json counts_json(const SystemSources& sources) {
  ContainerCounts counts =
      sources.count_containers ? sources.count_containers() : ContainerCounts{};
  return {{"Containers", counts.running + counts.paused + counts.stopped},
          {"ContainersRunning", counts.running},
          {"ContainersPaused", counts.paused},
          {"ContainersStopped", counts.stopped},
          {"Images", sources.count_images ? sources.count_images() : 0},
          {"NEventsListener", sources.events.subscribers()},
          {"NFd", sys::list_directory("/proc/self/fd").size()},
          {"NGoroutines", sys::list_directory("/proc/self/task").size()},
          {"SystemTime", sys::format_timestamp(sys::now())}};
}

}  // namespace

json info_json(const SystemSources& sources, const Machine& machine, ApiVersion version) {
  const runtime::CgroupLayout layout = runtime::detect_layout();
  json info = engine_json(sources, machine);
  info.update(host_json(machine));
  info.update(counts_json(sources));
  info.update(limits_json(layout));
  info["CgroupDriver"] = "cgroupfs";
  info["CgroupVersion"] = layout.mode() == runtime::CgroupMode::v2 ? "2" : "1";
  info["Warnings"] = warnings_json(layout, machine);
  if (version < ApiVersion{1, 49}) info.erase("FirewallBackend");
  return info;
}

}  // namespace ctr::daemon
