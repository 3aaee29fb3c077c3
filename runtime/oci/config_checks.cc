// What config.json says that cannot be meant, or that would reach the host: refused before anything is
// made, each with the field's name.
#include <algorithm>
#include <array>
#include <set>

#include "runtime/hooks.h"
#include "runtime/mount_plan.h"
#include "runtime/scheduling.h"
#include "runtime/oci/config.h"
#include "runtime/security/labels.h"
#include "runtime/security/rlimits.h"
#include "runtime/sys/error.h"
#include "runtime/sys/file.h"
#include "runtime/user_namespace.h"

namespace ctr::runtime::oci {

namespace {

[[noreturn]] void refuse(const std::string& field, const std::string& reason) {
  throw sys::Error(sys::ErrorKind::invalid_argument, fmt::format("{}: {}", field, reason));
}

bool has_nul(const std::string& text) {
  return text.find('\0') != std::string::npos;
}

const Namespace* find_namespace(const ContainerSpec& spec, NamespaceKind kind) {
  for (const Namespace& space : spec.namespaces)
    if (space.kind == kind) return &space;
  return nullptr;
}

// "1.0.2-dev" is 1.0. What a later minor version adds is ignored by a runtime that does not know it,
// but we say so rather than run something else than was asked for.
void check_version(const std::string& version) {
  if (version.empty()) refuse("config.json: ociVersion", "is missing");
  for (const char* known : {"1.0", "1.1", "1.2", "1.3"}) {
    const std::string prefix = known;
    if (version == prefix || version.rfind(prefix + ".", 0) == 0 ||
        version.rfind(prefix + "-", 0) == 0)
      return;
  }
  refuse("config.json: ociVersion", fmt::format("unknown version specified '{}'", version));
}

void check_root(const Root& root) {
  if (root.path.empty() && !root.overlay) refuse("config.json: root.path", "is missing");
  if (has_nul(root.path)) refuse("config.json: root.path", "contains a NUL");
}

void check_namespaces(const ContainerSpec& spec) {
  std::set<NamespaceKind> seen;
  for (const Namespace& space : spec.namespaces) {
    if (!seen.insert(space.kind).second)
      refuse("config.json: linux.namespaces", "a kind of namespace is listed twice");
    if (!space.path.empty() && space.path[0] != '/')
      refuse("config.json: linux.namespaces",
             fmt::format("the path '{}' is not absolute", space.path));
  }
  // All that is mounted, masked and unmounted for the container would be so on the host.
  const Namespace* mounts = find_namespace(spec, NamespaceKind::mount);
  if (mounts == nullptr)
    refuse("config.json: linux.namespaces", "a container needs a mount namespace of its own");
  if (!mounts->path.empty())
    refuse("config.json: linux.namespaces",
           "a mount namespace cannot be joined: it has its root file system already");
}

void check_names(const ContainerSpec& spec) {
  for (const auto& [field, name] : {std::pair("hostname", &spec.hostname),
                                    std::pair("domainname", &spec.domainname)}) {
    if (name->empty()) continue;
    const std::string place = std::string("config.json: ") + field;
    if (find_namespace(spec, NamespaceKind::uts) == nullptr)
      refuse(place, fmt::format("unable to set {} without a private UTS namespace", field));
    if (name->size() > 64 || has_nul(*name)) refuse(place, "is longer than 64 characters, or has a NUL");
  }
}

// Settings of a namespace; everything else is the host's own (attack I13).
bool is_namespaced(const ContainerSpec& spec, const std::string& name) {
  constexpr std::array ipc_names = {"kernel.msgmax", "kernel.msgmnb",         "kernel.msgmni",
                                    "kernel.sem",    "kernel.shmall",         "kernel.shmmax",
                                    "kernel.shmmni", "kernel.shm_rmid_forced"};
  const auto has = [&](NamespaceKind kind) { return find_namespace(spec, kind) != nullptr; };
  if (name.rfind("net.", 0) == 0) return has(NamespaceKind::network);
  if (name.rfind("fs.mqueue.", 0) == 0) return has(NamespaceKind::ipc);
  if (std::find(ipc_names.begin(), ipc_names.end(), name) != ipc_names.end())
    return has(NamespaceKind::ipc);
  if (name == "kernel.domainname" || name == "kernel.hostname") return has(NamespaceKind::uts);
  return name.rfind("user.", 0) == 0 && has(NamespaceKind::user);
}

void check_sysctls(const ContainerSpec& spec) {
  for (const auto& [name, value] : spec.sysctl) {
    const std::string dotted = [&] {
      std::string text = name;
      // "net/ipv4/conf" is another way to write it, in which dots belong to a name.
      if (text.find('/') < text.find('.')) std::replace(text.begin(), text.end(), '/', '.');
      return text;
    }();
    const std::string field = fmt::format("config.json: linux.sysctl.{}", name);
    if (has_nul(name) || dotted.find("..") != std::string::npos) refuse(field, "is not a name");
    if (!is_namespaced(spec, dotted))
      refuse(field, fmt::format("sysctl \"{}\" is not in a separate kernel namespace", name));
    if (has_nul(value) || value.find('\n') != std::string::npos)
      refuse(field, "the value contains a NUL or a newline");
  }
}

void check_mounts(const std::vector<Mount>& mounts) {
  for (size_t i = 0; i < mounts.size(); ++i) {
    const std::string field = fmt::format("config.json: mounts[{}]", i);
    const Mount& mount = mounts[i];
    if (mount.destination.empty()) refuse(field + ".destination", "is missing");
    for (const std::string* text : {&mount.destination, &mount.source, &mount.type})
      if (has_nul(*text)) refuse(field, "contains a NUL");
    if (mount.uid_mappings.empty() != mount.gid_mappings.empty())
      refuse(field + ".uidMappings", "uidMappings and gidMappings belong together");
    const MountPlan plan = plan_mount(mount);  // names the mount itself
    if (plan.bind && mount.source.empty()) refuse(field + ".source", "is missing");
    if (!plan.bind && (mount.type.empty() || mount.type == "none"))
      refuse(field + ".type", "is missing, and it is no bind");
  }
}

void check_devices(const std::vector<Device>& devices) {
  for (size_t i = 0; i < devices.size(); ++i) {
    const std::string field = fmt::format("config.json: linux.devices[{}]", i);
    const Device& device = devices[i];
    if (device.path.empty() || device.path[0] != '/' || has_nul(device.path))
      refuse(field + ".path", fmt::format("'{}' is not an absolute path", device.path));
    if (std::string_view("cbup").find(device.type) == std::string_view::npos)
      refuse(field + ".type", fmt::format("'{}' is none of c, b, u, p", device.type));
    if (device.major < 0 || device.major > 0xfff || device.minor < 0 || device.minor > 0xfffff)
      refuse(field, fmt::format("there is no device {}:{}", device.major, device.minor));
  }
}

void check_user_namespace(const ContainerSpec& spec) {
  const Namespace* user = find_namespace(spec, NamespaceKind::user);
  if (user == nullptr && !(spec.uid_mappings.empty() && spec.gid_mappings.empty()))
    refuse("config.json: linux.uidMappings",
           "user namespace mappings specified, but no user namespace is listed");
  if (user != nullptr && user->path.empty())
    check_id_maps(spec.uid_mappings, spec.gid_mappings);
}

void check_cgroup(const ContainerSpec& spec) {
  if (has_nul(spec.cgroup_path)) refuse("config.json: linux.cgroupsPath", "contains a NUL");
  if (("/" + spec.cgroup_path + "/").find("/../") != std::string::npos)
    refuse("config.json: linux.cgroupsPath", fmt::format("'{}' leads upwards", spec.cgroup_path));
}

void check_time_offsets(const ContainerSpec& spec) {
  if (spec.time_offsets.empty()) return;
  const Namespace* time = find_namespace(spec, NamespaceKind::time);
  if (time == nullptr || !time->path.empty())
    refuse("config.json: linux.timeOffsets", "timeOffsets need a new time namespace");
  for (const auto& [clock, offset] : spec.time_offsets) {
    const std::string field = "config.json: linux.timeOffsets." + clock;
    if (clock != "monotonic" && clock != "boottime")
      refuse(field, "only the clocks monotonic and boottime have offsets");
    if (offset.nanosecs >= 1'000'000'000) refuse(field + ".nanosecs", "is a second or more");
  }
}

void check_network_devices(const ContainerSpec& spec) {
  const auto is_name = [](const std::string& name) {
    return !name.empty() && name.size() <= 15 && name != "." && name != ".." &&
           name.find_first_of(std::string("/ :\t\n\0", 6)) == std::string::npos;
  };
  if (!spec.network_devices.empty() && find_namespace(spec, NamespaceKind::network) == nullptr)
    refuse("config.json: linux.netDevices", "network devices need a network namespace");
  std::set<std::string> names;
  for (const auto& [name, inside] : spec.network_devices)
    if (!is_name(name) || !is_name(inside) || !names.insert(inside).second)
      refuse("config.json: linux.netDevices." + name,
             fmt::format("'{}' cannot be a device's name, or is one already", inside));
}

void check_paths(const char* field, const std::vector<std::string>& paths) {
  for (const std::string& path : paths)
    if (path.empty() || path[0] != '/' || has_nul(path))
      refuse(fmt::format("config.json: linux.{}", field),
             fmt::format("'{}' is not an absolute path", path));
}

}  // namespace

void check_process(const Process& process, const std::string& field) {
  if (process.args.empty() || process.args[0].empty())
    refuse(field + ".args", "args must not be empty");
  if (process.cwd.empty() || process.cwd[0] != '/')
    refuse(field + ".cwd", fmt::format("cwd must be an absolute path, and '{}' is not", process.cwd));
  for (const std::string& argument : process.args)
    if (has_nul(argument)) refuse(field + ".args", "an argument contains a NUL");
  for (const std::string& entry : process.env)
    if (has_nul(entry)) refuse(field + ".env", "an entry contains a NUL");
  std::set<std::string> seen;
  for (const Rlimit& limit : process.rlimits) {
    if (!find_rlimit(limit.name))
      refuse(field + ".rlimits", fmt::format("unknown limit '{}'", limit.name));
    if (!seen.insert(limit.name).second)
      refuse(field + ".rlimits", fmt::format("'{}' is given twice", limit.name));
    if (limit.soft > limit.hard)
      refuse(field + ".rlimits",
             fmt::format("'{}': the soft limit is above the hard one", limit.name));
  }
  check_scheduling(process, field);
  if (process.oom_score_adj && (*process.oom_score_adj < -1000 || *process.oom_score_adj > 1000))
    refuse(field + ".oomScoreAdj",
           fmt::format("{} is not between -1000 and 1000", *process.oom_score_adj));
}

void check_machine(const ContainerSpec& spec) {
  const auto lacks = [](const char* field, const char* why) {
    throw sys::Error(sys::ErrorKind::unsupported, fmt::format("config.json: {}: {}", field, why));
  };
  check_labels(spec.process.apparmor_profile, spec.process.selinux_label, "config.json: process");
  if (!spec.mount_label.empty())
    lacks("linux.mountLabel", "SELinux's labels of mounts are not supported");
  if (spec.wants_intel_rdt)
    lacks("linux.intelRdt", "the control of caches and memory bandwidth is not supported");
  if (find_namespace(spec, NamespaceKind::time) != nullptr && !sys::exists("/proc/self/ns/time"))
    lacks("linux.namespaces", "this kernel has no time namespaces (Linux 5.6 has)");
}

void check_config(const ContainerSpec& spec) {
  check_version(spec.oci_version);
  check_process(spec.process, "config.json: process");
  check_root(spec.root);
  check_namespaces(spec);
  check_user_namespace(spec);
  check_names(spec);
  check_sysctls(spec);
  check_mounts(spec.mounts);
  check_devices(spec.devices);
  check_cgroup(spec);
  check_hooks(spec.hooks);
  check_time_offsets(spec);
  if (spec.personality) check_personality(*spec.personality);
  if (spec.memory_policy) check_memory_policy(*spec.memory_policy);
  check_network_devices(spec);
  check_paths("maskedPaths", spec.masked_paths);
  check_paths("readonlyPaths", spec.readonly_paths);
}

}  // namespace ctr::runtime::oci
