// What a container is, as plain values: the OCI runtime specification's config.json as hand-written
// structs (github.com/opencontainers/runtime-spec, 1.2). Pure data: no descriptors, no behaviour.
// spec_json reads and writes them; daemon/spec_builder fills them; launch, init and exec obey them.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace ctr::runtime {

enum class NamespaceKind { mount, pid, network, ipc, uts, cgroup, user, time };

// A namespace to make (empty path) or to join (/proc/<pid>/ns/… or a bind of it). A kind that is not
// listed is shared with the host.
struct Namespace {
  NamespaceKind kind = NamespaceKind::mount;
  std::string path;
};

struct IdMap {
  uint32_t container_id = 0;
  uint32_t host_id = 0;
  uint32_t size = 0;
};

struct Mount {
  std::string destination;           // absolute, inside the container
  std::string type;                  // "bind", "proc", "tmpfs", "overlay" …
  std::string source;                // host path of a bind, else what mount(8) shows
  std::vector<std::string> options;  // as in mount(8): "ro", "nosuid", "rbind", "rprivate", "size=64m" …
  std::vector<IdMap> uid_mappings;   // idmapped mount, see mount_setattr(2)
  std::vector<IdMap> gid_mappings;
  // Ours: the part of the source that is bound, resolved inside of the source when it is mounted.
  std::string subpath;
};

// The root file system. With `overlay`, the container's first process mounts it itself and `path` is
// not used: no mount is ever made on the host.
struct Overlay {
  std::vector<std::string> lower;  // absolute host paths, the topmost layer first
  std::string upper;               // absolute host path; created by the daemon, 0755
  std::string work;                // beside `upper`
  bool idmapped = false;           // seen through the container's mappings: files have their owners on disk
};
struct Root {
  std::string path;
  bool readonly = false;
  std::optional<Overlay> overlay;
};

struct User {
  uid_t uid = 0;
  gid_t gid = 0;
  std::optional<uint32_t> umask;
  std::vector<gid_t> additional_gids;
  // Docker's form of the user, "name", "1000", "uid:gid", "name:group"; resolved by init against the
  // container's own /etc/passwd and /etc/group (bounded, inside the root). Overrides uid, gid when set.
  std::string docker_user;
  std::vector<std::string> docker_groups;  // --group-add: names or numbers
};

// Sets of capability numbers as bit masks: bit n is capability n of linux/capability.h.
struct Capabilities {
  uint64_t bounding = 0;
  uint64_t effective = 0;
  uint64_t permitted = 0;
  uint64_t inheritable = 0;
  uint64_t ambient = 0;
};

struct Rlimit {
  std::string name;   // "RLIMIT_NOFILE"
  uint64_t soft = 0;  // RLIM_INFINITY for unlimited
  uint64_t hard = 0;
  bool is_default = false;  // chosen by us: clamped to what is allowed instead of an error
};

// sched_setattr(2), with its names.
struct Scheduler {
  std::string policy;  // "SCHED_BATCH"
  std::optional<int32_t> nice;
  std::optional<int32_t> priority;
  std::vector<std::string> flags;
  std::optional<uint64_t> runtime, deadline, period;  // nanoseconds
};

// ioprio_set(2), with its names.
struct IoPriority {
  std::string io_class;  // "IOPRIO_CLASS_BE"
  int priority = 0;      // 0 (first) to 7
};

// The processors of an exec until it is in the container's cgroup, and from then on: "0-2,7".
struct CpuAffinity {
  std::string initial;
  std::string final;
};

struct Process {
  bool terminal = false;
  uint16_t terminal_rows = 0;  // 0: not known yet
  uint16_t terminal_columns = 0;
  User user;
  std::vector<std::string> args;
  std::vector<std::string> env;  // "NAME=value"
  std::string cwd = "/";
  bool make_cwd = false;  // Docker creates a missing working directory, the OCI runtime does not
  std::optional<Capabilities> capabilities;
  std::vector<Rlimit> rlimits;
  bool no_new_privileges = false;
  std::string apparmor_profile;
  std::string selinux_label;
  std::optional<int> oom_score_adj;
  std::optional<Scheduler> scheduler;
  std::optional<IoPriority> io_priority;
  std::optional<CpuAffinity> exec_cpu_affinity;
};

struct Device {
  std::string path;  // inside the container
  char type = 'c';   // 'c', 'b', 'p'
  int64_t major = 0;
  int64_t minor = 0;
  mode_t mode = 0666;
  uid_t uid = 0;
  gid_t gid = 0;
};

// One rule of the device cgroup; std::nullopt stands for "*". Later rules win.
struct DeviceRule {
  bool allow = false;
  char type = 'a';  // 'a', 'b', 'c'
  std::optional<int64_t> major;
  std::optional<int64_t> minor;
  std::string access = "rwm";
};

struct ThrottleDevice {
  int64_t major = 0;
  int64_t minor = 0;
  uint64_t rate = 0;
};
struct WeightDevice {
  int64_t major = 0;
  int64_t minor = 0;
  uint16_t weight = 0;
  uint16_t leaf_weight = 0;
};

// Limits; an empty optional is "not asked for". Numbers are as the OCI specification has them, in
// cgroup v1's scales (cpu shares 2…262144, quota and period in microseconds, memory in bytes, -1 for
// unlimited); cgroup v2 converts.
struct Resources {
  std::vector<DeviceRule> devices;
  struct Memory {
    std::optional<int64_t> limit;
    std::optional<int64_t> reservation;
    std::optional<int64_t> swap;  // memory plus swap
    std::optional<int64_t> kernel;
    std::optional<int64_t> kernel_tcp;
    std::optional<uint64_t> swappiness;
    std::optional<bool> disable_oom_killer;
    std::optional<bool> use_hierarchy;
    std::optional<bool> check_before_update;
  } memory;
  struct Cpu {
    std::optional<uint64_t> shares;
    std::optional<int64_t> quota;
    std::optional<uint64_t> burst;
    std::optional<uint64_t> period;
    std::optional<int64_t> realtime_runtime;
    std::optional<uint64_t> realtime_period;
    std::string cpus;  // "0-2,7"
    std::string mems;
    std::optional<int64_t> idle;
  } cpu;
  std::optional<int64_t> pids_limit;  // -1 or 0: unlimited
  struct BlockIo {
    std::optional<uint16_t> weight;
    std::optional<uint16_t> leaf_weight;
    std::vector<WeightDevice> weight_devices;
    std::vector<ThrottleDevice> read_bps, write_bps, read_iops, write_iops;
  } block_io;
  std::vector<std::pair<std::string, uint64_t>> hugepage_limits;  // ("2MB", bytes)
  std::optional<uint32_t> network_class_id;
  std::vector<std::pair<std::string, uint32_t>> network_priorities;
  struct Rdma {
    std::string device;
    std::optional<uint32_t> handles;
    std::optional<uint32_t> objects;
  };
  std::vector<Rdma> rdma;
  std::map<std::string, std::string> unified;  // cgroup v2 files, written as they are
};

// --- seccomp -------------------------------------------------------------------------------------

struct SeccompArgument {
  uint32_t index = 0;
  uint64_t value = 0;
  uint64_t value_two = 0;
  std::string op;  // "SCMP_CMP_EQ" …
};
struct SeccompRule {
  std::vector<std::string> names;
  std::string action;  // "SCMP_ACT_ALLOW" …
  std::optional<uint32_t> errno_return;
  std::vector<SeccompArgument> arguments;
};
struct SeccompProfile {
  std::string default_action = "SCMP_ACT_ERRNO";
  std::optional<uint32_t> default_errno;
  std::vector<std::string> architectures;  // "SCMP_ARCH_X86_64" …
  std::vector<std::string> flags;          // "SECCOMP_FILTER_FLAG_LOG" …
  std::string listener_path;
  std::string listener_metadata;
  std::vector<SeccompRule> rules;
};

// The filter of a container: rules to compile, or (faster: the daemon caches it) a file that holds
// the compiled program, an array of struct sock_filter.
struct Seccomp {
  std::optional<SeccompProfile> profile;
  std::string compiled_path;
  uint32_t filter_flags = 0;  // SECCOMP_FILTER_FLAG_* for compiled_path
};

// --- network -------------------------------------------------------------------------------------

// How a new network namespace is connected: one end of a veth pair inside, the other on a bridge.
struct NetworkInterface {
  std::string name = "eth0";    // inside
  std::string host_name;        // the other end, at most 15 characters, unique on the host
  std::string bridge;           // existing bridge on the host
  std::string mac_address;      // "02:42:ac:11:00:02"
  std::string address;          // "172.17.0.2/16"
  std::string gateway;          // "172.17.0.1"; empty: no default route
  std::string address6;         // "fd00::2/64"; empty: no IPv6 on it at all
  std::string gateway6;         // "fd00::1"
  uint32_t mtu = 1500;
  bool isolated = false;        // from the bridge's other isolated ports
};

// --- hooks ---------------------------------------------------------------------------------------

struct Hook {
  std::string path;
  std::vector<std::string> args;
  std::vector<std::string> env;
  std::optional<int> timeout_seconds;
};
struct Hooks {
  std::vector<Hook> prestart, create_runtime, create_container, start_container, poststart, poststop;
};

// --- what few ask for ----------------------------------------------------------------------------

// How far a clock of a new time namespace is ahead, time_namespaces(7).
struct TimeOffset {
  int64_t secs = 0;
  uint32_t nanosecs = 0;
};

struct Personality {
  std::string domain;  // "LINUX" or "LINUX32"
  std::vector<std::string> flags;
};

// set_mempolicy(2), with its names.
struct MemoryPolicy {
  std::string mode;   // "MPOL_BIND"
  std::string nodes;  // "0-2,7"
  std::vector<std::string> flags;
};

// -------------------------------------------------------------------------------------------------

struct ContainerSpec {
  std::string oci_version = "1.2.0";
  Process process;
  Root root;
  std::string hostname;
  std::string domainname;
  std::vector<Mount> mounts;
  std::vector<Namespace> namespaces;
  std::vector<IdMap> uid_mappings;
  std::vector<IdMap> gid_mappings;
  std::vector<Device> devices;
  std::string cgroup_path;  // "/ctr/<id>": below the root of every hierarchy
  Resources resources;
  std::string rootfs_propagation;
  Seccomp seccomp;
  std::vector<std::string> masked_paths;
  std::vector<std::string> readonly_paths;
  std::map<std::string, std::string> sysctl;
  std::map<std::string, TimeOffset> time_offsets;  // by clock: "monotonic", "boottime"
  std::optional<Personality> personality;
  std::optional<MemoryPolicy> memory_policy;
  std::map<std::string, std::string> network_devices;  // of the host, by name: the name inside
  std::string mount_label;                             // SELinux
  bool wants_intel_rdt = false;
  Hooks hooks;
  std::map<std::string, std::string> annotations;
  std::vector<NetworkInterface> interfaces;  // ours: the OCI specification leaves networks to others
  std::string init_path;  // ours: --init; host path of a static init (tini), bound to /sbin/docker-init
};

}  // namespace ctr::runtime
