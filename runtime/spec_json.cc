#include "runtime/spec_json.h"

#include <array>

#include "runtime/json_fields.h"
#include "runtime/security/capabilities.h"

namespace ctr::runtime {

namespace {

struct NamespaceName {
  NamespaceKind kind;
  const char* name;
};
constexpr std::array<NamespaceName, 8> namespace_names = {{{NamespaceKind::mount, "mount"},
                                                           {NamespaceKind::pid, "pid"},
                                                           {NamespaceKind::network, "network"},
                                                           {NamespaceKind::ipc, "ipc"},
                                                           {NamespaceKind::uts, "uts"},
                                                           {NamespaceKind::cgroup, "cgroup"},
                                                           {NamespaceKind::user, "user"},
                                                           {NamespaceKind::time, "time"}}};

std::string name_of(NamespaceKind kind) {
  for (const NamespaceName& entry : namespace_names)
    if (entry.kind == kind) return entry.name;
  return "";
}

NamespaceKind kind_of(const std::string& name, const std::string& path) {
  for (const NamespaceName& entry : namespace_names)
    if (name == entry.name) return entry.kind;
  json::refuse(path, "a kind of namespace");
}

}  // namespace

// --- one description a struct; names are those of the OCI runtime specification ---

template <class Fields>
void describe(Fields& fields, Namespace& space) {
  std::string type = name_of(space.kind);
  fields("type", type);
  if constexpr (Fields::reading) space.kind = kind_of(type, fields.path_of("type"));
  fields("path", space.path);
}

template <class Fields>
void describe(Fields& fields, IdMap& map) {
  fields("containerID", map.container_id);
  fields("hostID", map.host_id);
  fields("size", map.size);
}

template <class Fields>
void describe(Fields& fields, Mount& mount) {
  fields("destination", mount.destination);
  fields("type", mount.type);
  fields("source", mount.source);
  fields("options", mount.options);
  fields("uidMappings", mount.uid_mappings);
  fields("gidMappings", mount.gid_mappings);
  fields("ctrSubpath", mount.subpath);
}

template <class Fields>
void describe(Fields& fields, Overlay& overlay) {
  fields("lower", overlay.lower);
  fields("upper", overlay.upper);
  fields("work", overlay.work);
  fields("idmapped", overlay.idmapped);
}

template <class Fields>
void describe(Fields& fields, Root& root) {
  fields("path", root.path);
  fields("readonly", root.readonly);
}

template <class Fields>
void describe(Fields& fields, User& user) {
  fields("uid", user.uid);
  fields("gid", user.gid);
  fields("umask", user.umask);
  fields("additionalGids", user.additional_gids);
  fields("ctrUser", user.docker_user);
  fields("ctrGroups", user.docker_groups);
}

template <class Fields>
void describe_capability_set(Fields& fields, const char* name, uint64_t& mask) {
  std::vector<std::string> names;
  if constexpr (!Fields::reading) names = capability_names(mask);
  fields(name, names);
  if constexpr (Fields::reading) mask = parse_capabilities(names);
}

template <class Fields>
void describe(Fields& fields, Capabilities& capabilities) {
  describe_capability_set(fields, "bounding", capabilities.bounding);
  describe_capability_set(fields, "effective", capabilities.effective);
  describe_capability_set(fields, "permitted", capabilities.permitted);
  describe_capability_set(fields, "inheritable", capabilities.inheritable);
  describe_capability_set(fields, "ambient", capabilities.ambient);
}

template <class Fields>
void describe(Fields& fields, Rlimit& limit) {
  fields("type", limit.name);
  fields("soft", limit.soft);
  fields("hard", limit.hard);
  fields("ctrDefault", limit.is_default);
}

struct ConsoleSize {
  uint16_t height = 0;
  uint16_t width = 0;
};
template <class Fields>
void describe(Fields& fields, ConsoleSize& size) {
  fields("height", size.height);
  fields("width", size.width);
}

template <class Fields>
void describe(Fields& fields, Scheduler& scheduler) {
  fields("policy", scheduler.policy);
  fields("nice", scheduler.nice);
  fields("priority", scheduler.priority);
  fields("flags", scheduler.flags);
  fields("runtime", scheduler.runtime);
  fields("deadline", scheduler.deadline);
  fields("period", scheduler.period);
}

template <class Fields>
void describe(Fields& fields, IoPriority& priority) {
  fields("class", priority.io_class);
  fields("priority", priority.priority);
}

template <class Fields>
void describe(Fields& fields, CpuAffinity& affinity) {
  fields("initial", affinity.initial);
  fields("final", affinity.final);
}

template <class Fields>
void describe(Fields& fields, Process& process) {
  ConsoleSize size{process.terminal_rows, process.terminal_columns};
  fields("terminal", process.terminal);
  fields("consoleSize", size);
  process.terminal_rows = size.height;
  process.terminal_columns = size.width;
  fields("user", process.user);
  fields("args", process.args);
  fields("env", process.env);
  fields("cwd", process.cwd);
  fields("ctrMakeCwd", process.make_cwd);
  fields("capabilities", process.capabilities);
  fields("rlimits", process.rlimits);
  fields("noNewPrivileges", process.no_new_privileges);
  fields("apparmorProfile", process.apparmor_profile);
  fields("selinuxLabel", process.selinux_label);
  fields("oomScoreAdj", process.oom_score_adj);
  fields("scheduler", process.scheduler);
  fields("ioPriority", process.io_priority);
  fields("execCPUAffinity", process.exec_cpu_affinity);
}

template <class Fields>
void describe(Fields& fields, Device& device) {
  fields("path", device.path);
  fields("type", device.type);
  fields("major", device.major);
  fields("minor", device.minor);
  fields("fileMode", device.mode);
  fields("uid", device.uid);
  fields("gid", device.gid);
}

template <class Fields>
void describe(Fields& fields, DeviceRule& rule) {
  fields("allow", rule.allow);
  fields("type", rule.type);
  fields("major", rule.major);
  fields("minor", rule.minor);
  fields("access", rule.access);
  if (rule.major && *rule.major < 0) rule.major.reset();  // -1 is the specification's other "*"
  if (rule.minor && *rule.minor < 0) rule.minor.reset();
}

template <class Fields>
void describe(Fields& fields, ThrottleDevice& device) {
  fields("major", device.major);
  fields("minor", device.minor);
  fields("rate", device.rate);
}

template <class Fields>
void describe(Fields& fields, WeightDevice& device) {
  fields("major", device.major);
  fields("minor", device.minor);
  fields("weight", device.weight);
  fields("leafWeight", device.leaf_weight);
}

template <class Fields>
void describe(Fields& fields, Resources::Memory& memory) {
  fields("limit", memory.limit);
  fields("reservation", memory.reservation);
  fields("swap", memory.swap);
  fields("kernel", memory.kernel);
  fields("kernelTCP", memory.kernel_tcp);
  fields("swappiness", memory.swappiness);
  fields("disableOOMKiller", memory.disable_oom_killer);
  fields("useHierarchy", memory.use_hierarchy);
  fields("checkBeforeUpdate", memory.check_before_update);
}

template <class Fields>
void describe(Fields& fields, Resources::Cpu& cpu) {
  fields("shares", cpu.shares);
  fields("quota", cpu.quota);
  fields("burst", cpu.burst);
  fields("period", cpu.period);
  fields("realtimeRuntime", cpu.realtime_runtime);
  fields("realtimePeriod", cpu.realtime_period);
  fields("cpus", cpu.cpus);
  fields("mems", cpu.mems);
  fields("idle", cpu.idle);
}

template <class Fields>
void describe(Fields& fields, Resources::BlockIo& block_io) {
  fields("weight", block_io.weight);
  fields("leafWeight", block_io.leaf_weight);
  fields("weightDevice", block_io.weight_devices);
  fields("throttleReadBpsDevice", block_io.read_bps);
  fields("throttleWriteBpsDevice", block_io.write_bps);
  fields("throttleReadIOPSDevice", block_io.read_iops);
  fields("throttleWriteIOPSDevice", block_io.write_iops);
}

struct Pids {
  std::optional<int64_t> limit;
};
template <class Fields>
void describe(Fields& fields, Pids& pids) {
  fields("limit", pids.limit);
}

struct HugepageLimit {
  std::string page_size;
  uint64_t limit = 0;
};
template <class Fields>
void describe(Fields& fields, HugepageLimit& limit) {
  fields("pageSize", limit.page_size);
  fields("limit", limit.limit);
}

struct NetworkPriority {
  std::string name;
  uint32_t priority = 0;
};
template <class Fields>
void describe(Fields& fields, NetworkPriority& priority) {
  fields("name", priority.name);
  fields("priority", priority.priority);
}
struct NetworkClass {
  std::optional<uint32_t> class_id;
  std::vector<NetworkPriority> priorities;
};
template <class Fields>
void describe(Fields& fields, NetworkClass& network) {
  fields("classID", network.class_id);
  fields("priorities", network.priorities);
}

struct RdmaLimit {
  std::optional<uint32_t> handles;
  std::optional<uint32_t> objects;
};
template <class Fields>
void describe(Fields& fields, RdmaLimit& limit) {
  fields("hcaHandles", limit.handles);
  fields("hcaObjects", limit.objects);
}

template <class Fields>
void describe(Fields& fields, Resources& resources) {
  fields("devices", resources.devices);
  fields("memory", resources.memory);
  fields("cpu", resources.cpu);
  fields("blockIO", resources.block_io);
  fields("unified", resources.unified);
  Pids pids{resources.pids_limit};
  fields("pids", pids);
  resources.pids_limit = pids.limit;
  std::vector<HugepageLimit> hugepages;
  for (const auto& [size, limit] : resources.hugepage_limits) hugepages.push_back({size, limit});
  fields("hugepageLimits", hugepages);
  NetworkClass network{resources.network_class_id, {}};
  for (const auto& [name, priority] : resources.network_priorities)
    network.priorities.push_back({name, priority});
  fields("network", network);
  std::map<std::string, RdmaLimit> rdma;
  for (const Resources::Rdma& limit : resources.rdma)
    rdma[limit.device] = {limit.handles, limit.objects};
  fields("rdma", rdma);
  if constexpr (Fields::reading) {
    for (HugepageLimit& limit : hugepages)
      resources.hugepage_limits.emplace_back(limit.page_size, limit.limit);
    resources.network_class_id = network.class_id;
    for (NetworkPriority& priority : network.priorities)
      resources.network_priorities.emplace_back(priority.name, priority.priority);
    for (auto& [device, limit] : rdma)
      resources.rdma.push_back({device, limit.handles, limit.objects});
  }
}

template <class Fields>
void describe(Fields& fields, SeccompArgument& argument) {
  fields("index", argument.index);
  fields("value", argument.value);
  fields("valueTwo", argument.value_two);
  fields("op", argument.op);
}

template <class Fields>
void describe(Fields& fields, SeccompRule& rule) {
  fields("names", rule.names);
  fields("action", rule.action);
  fields("errnoRet", rule.errno_return);
  fields("args", rule.arguments);
}

template <class Fields>
void describe(Fields& fields, SeccompProfile& profile) {
  fields("defaultAction", profile.default_action);
  fields("defaultErrnoRet", profile.default_errno);
  fields("architectures", profile.architectures);
  fields("flags", profile.flags);
  fields("listenerPath", profile.listener_path);
  fields("listenerMetadata", profile.listener_metadata);
  fields("syscalls", profile.rules);
}

template <class Fields>
void describe(Fields& fields, NetworkInterface& interface) {
  fields("name", interface.name);
  fields("hostName", interface.host_name);
  fields("bridge", interface.bridge);
  fields("macAddress", interface.mac_address);
  fields("address", interface.address);
  fields("gateway", interface.gateway);
  fields("address6", interface.address6);
  fields("gateway6", interface.gateway6);
  fields("mtu", interface.mtu);
  fields("isolated", interface.isolated);
}

template <class Fields>
void describe(Fields& fields, Hook& hook) {
  fields("path", hook.path);
  fields("args", hook.args);
  fields("env", hook.env);
  fields("timeout", hook.timeout_seconds);
}

template <class Fields>
void describe(Fields& fields, Hooks& hooks) {
  fields("prestart", hooks.prestart);
  fields("createRuntime", hooks.create_runtime);
  fields("createContainer", hooks.create_container);
  fields("startContainer", hooks.start_container);
  fields("poststart", hooks.poststart);
  fields("poststop", hooks.poststop);
}

template <class Fields>
void describe(Fields& fields, TimeOffset& offset) {
  fields("secs", offset.secs);
  fields("nanosecs", offset.nanosecs);
}

template <class Fields>
void describe(Fields& fields, Personality& personality) {
  fields("domain", personality.domain);
  fields("flags", personality.flags);
}

template <class Fields>
void describe(Fields& fields, MemoryPolicy& policy) {
  fields("mode", policy.mode);
  fields("nodes", policy.nodes);
  fields("flags", policy.flags);
}

struct NetworkDevice {
  std::string name;
};
template <class Fields>
void describe(Fields& fields, NetworkDevice& device) {
  fields("name", device.name);
}

// An object in the configuration, a name for each device in the spec: without one it keeps its own.
template <class Fields>
void describe_network_devices(Fields& fields, std::map<std::string, std::string>& devices) {
  std::map<std::string, NetworkDevice> objects;
  for (const auto& [name, inside] : devices) objects[name] = {inside};
  fields("netDevices", objects);
  for (const auto& [name, device] : objects)
    devices[name] = device.name.empty() ? name : device.name;
}

// The specification's "linux" object and our own "ctr" object are parts of the one ContainerSpec.
struct LinuxPart {
  ContainerSpec& spec;
};
template <class Fields>
void describe(Fields& fields, LinuxPart& part) {
  ContainerSpec& spec = part.spec;
  fields("namespaces", spec.namespaces);
  fields("uidMappings", spec.uid_mappings);
  fields("gidMappings", spec.gid_mappings);
  fields("devices", spec.devices);
  fields("cgroupsPath", spec.cgroup_path);
  fields("resources", spec.resources);
  fields("rootfsPropagation", spec.rootfs_propagation);
  fields("seccomp", spec.seccomp.profile);
  fields("maskedPaths", spec.masked_paths);
  fields("readonlyPaths", spec.readonly_paths);
  fields("sysctl", spec.sysctl);
  fields("timeOffsets", spec.time_offsets);
  fields("personality", spec.personality);
  fields("memoryPolicy", spec.memory_policy);
  describe_network_devices(fields, spec.network_devices);
  fields("mountLabel", spec.mount_label);
  if constexpr (Fields::reading) spec.wants_intel_rdt = fields.find("intelRdt") != nullptr;
}

struct OwnPart {
  ContainerSpec& spec;
};
template <class Fields>
void describe(Fields& fields, OwnPart& part) {
  fields("overlay", part.spec.root.overlay);
  fields("interfaces", part.spec.interfaces);
  fields("initPath", part.spec.init_path);
  fields("seccompProgram", part.spec.seccomp.compiled_path);
  fields("seccompFlags", part.spec.seccomp.filter_flags);
}

template <class Fields>
void describe(Fields& fields, ContainerSpec& spec) {
  fields("ociVersion", spec.oci_version);
  fields("process", spec.process);
  fields("root", spec.root);
  fields("hostname", spec.hostname);
  fields("domainname", spec.domainname);
  fields("mounts", spec.mounts);
  fields("hooks", spec.hooks);
  fields("annotations", spec.annotations);
  LinuxPart kernel_part{spec};
  fields("linux", kernel_part);
  OwnPart own_part{spec};
  fields("ctr", own_part);
}

std::string to_json(const ContainerSpec& spec) {
  return json::dump(json::write(spec));
}
std::string process_to_json(const Process& process) {
  return json::dump(json::write(process));
}

ContainerSpec parse_spec(std::string_view text) {
  ContainerSpec spec;
  json::read(json::parse(text, "config.json"), "config.json", spec);
  return spec;
}

Process parse_process(std::string_view text) {
  Process process;
  json::read(json::parse(text, "process"), "process", process);
  return process;
}

Resources parse_resources(std::string_view text) {
  Resources resources;
  json::read(json::parse(text, "resources"), "resources", resources);
  return resources;
}

}  // namespace ctr::runtime
