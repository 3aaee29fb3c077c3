#include "runtime/cgroup/plan.h"

#include <algorithm>
#include <cmath>

#include "runtime/cgroup/device_rules.h"
#include "runtime/sys/error.h"

namespace ctr::runtime {

using sys::Error;
using sys::ErrorKind;

namespace {

template <class Value>
[[noreturn]] void refuse(std::string_view field, const Value& value, std::string_view reason) {
  throw Error(ErrorKind::invalid_argument,
              fmt::format("invalid limit {} '{}': {}", field, value, reason));
}

// "0-2,7" and the like; the kernel says which of the CPUs exist.
bool is_number_list(std::string_view text) {
  return text.find_first_not_of("0123456789,-") == std::string_view::npos &&
         text.find_first_of("0123456789") != std::string_view::npos;
}

// "2MB", "1GB", "64KB": it becomes part of a file's name.
bool is_page_size(std::string_view text) {
  if (text.size() < 3 || text.back() != 'B') return false;
  if (std::string_view("KMG").find(text[text.size() - 2]) == std::string_view::npos) return false;
  return text.substr(0, text.size() - 2).find_first_not_of("0123456789") == std::string_view::npos;
}

// One word of a line for the kernel: no second line, no second field.
bool is_word(std::string_view text) {
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 127; });
}

std::string bytes_or_max(int64_t value) {
  return value < 0 ? "max" : std::to_string(value);
}

class Planner {
 public:
  explicit Planner(const CgroupLayout& layout) : layout_(layout) {}

  void memory(const Resources::Memory& memory);
  void cpu(const Resources::Cpu& cpu);
  void cpuset(const Resources::Cpu& cpu);
  void pids(const std::optional<int64_t>& limit);
  void block_io(const Resources::BlockIo& io);
  void huge_pages(const Resources& resources);
  void network(const Resources& resources);
  void rdma(const std::vector<Resources::Rdma>& devices);
  void devices(const std::vector<DeviceRule>& rules);
  void unified(const std::map<std::string, std::string>& files);
  std::vector<LimitWrite> take() { return std::move(writes_); }

 private:
  // Whether the controller is v2's; throws where there is none.
  bool require(std::string_view controller, std::string_view what) const;
  [[noreturn]] void lacks(std::string_view controller, std::string_view what) const;
  [[noreturn]] static void only_v1(std::string_view what);
  void memory_v1(const Resources::Memory& memory);
  void memory_v2(const Resources::Memory& memory);
  void cpu_bandwidth(const Resources::Cpu& cpu, bool unified);
  void throttle(const std::vector<ThrottleDevice>& devices, bool unified, const char* v1_file,
                const char* v2_key);
  void add(const char* controller, std::string file, std::string value, bool optional = false) {
    writes_.push_back({controller, std::move(file), std::move(value), optional});
  }

  const CgroupLayout& layout_;
  std::vector<LimitWrite> writes_;
};

void Planner::lacks(std::string_view controller, std::string_view what) const {
  std::string names;
  for (const Hierarchy& hierarchy : layout_.hierarchies)
    for (const std::string& name : hierarchy.controllers)
      if (!name.starts_with("name=")) names += (names.empty() ? "" : ", ") + name;
  throw Error(ErrorKind::unsupported,
              fmt::format("cannot limit {}: the {} controller is not available on this machine "
                          "(available: {})",
                          what, controller, names.empty() ? "none" : names));
}

bool Planner::require(std::string_view controller, std::string_view what) const {
  const Hierarchy* hierarchy = layout_.find_controller(controller);
  if (!hierarchy) lacks(controller, what);
  return hierarchy->unified;
}

void Planner::only_v1(std::string_view what) {
  throw Error(ErrorKind::unsupported,
              fmt::format("cannot set {}: cgroup v2 has no such limit", what));
}

// --- memory --------------------------------------------------------------------------------------

void check_memory(const Resources::Memory& memory) {
  const int64_t limit = memory.limit.value_or(0);
  const int64_t swap = memory.swap.value_or(0);
  if (limit < -1) refuse("memory.limit", limit, "want bytes, or -1 for unlimited");
  if (swap < -1) refuse("memory.swap", swap, "want bytes of memory plus swap, or -1 for unlimited");
  if (memory.reservation.value_or(0) < -1)
    refuse("memory.reservation", *memory.reservation, "want bytes, or -1 for unlimited");
  if (swap > 0 && limit == 0)
    refuse("memory.swap", swap, "it needs a limit of memory too, because it counts both together");
  if (swap > 0 && limit > swap)
    refuse("memory.swap", swap,
           fmt::format("it counts memory and swap together and cannot be below memory.limit {}",
                       limit));
  if (memory.swappiness.value_or(0) > 100)
    refuse("memory.swappiness", *memory.swappiness, "want 0 to 100");
}

void Planner::memory(const Resources::Memory& memory) {
  check_memory(memory);
  // kernel is left out as by every runtime: Linux 5.16 took kmem.limit_in_bytes away because it
  // never worked; use_hierarchy is always on since 5.11.
  if (memory.limit.value_or(0) == 0 && memory.swap.value_or(0) == 0 && !memory.swappiness &&
      memory.reservation.value_or(0) == 0 && !memory.disable_oom_killer && !memory.kernel_tcp)
    return;
  require("memory", "memory") ? memory_v2(memory) : memory_v1(memory);
}

void Planner::memory_v1(const Resources::Memory& memory) {
  const int64_t limit = memory.limit.value_or(0);
  int64_t swap = memory.swap.value_or(0);
  if (limit == -1 && swap == 0) swap = -1;  // unlimited memory below limited swap is refused
  if (swap > 0 && !layout_.swap_accounting)
    throw Error(ErrorKind::unsupported,
                "cannot limit swap: this kernel does not count it (boot with swapaccount=1)");
  // memsw may never be below limit: it is lifted first when both go, and set last otherwise. An
  // update in the other order is retried by Cgroup.
  if (swap == -1) add("memory", "memory.memsw.limit_in_bytes", "-1", true);
  if (limit != 0) add("memory", "memory.limit_in_bytes", std::to_string(limit));
  if (swap > 0) add("memory", "memory.memsw.limit_in_bytes", std::to_string(swap));
  if (memory.reservation.value_or(0) != 0)
    add("memory", "memory.soft_limit_in_bytes", std::to_string(*memory.reservation));
  if (memory.kernel_tcp.value_or(0) != 0)
    add("memory", "memory.kmem.tcp.limit_in_bytes", std::to_string(*memory.kernel_tcp));
  if (memory.swappiness) add("memory", "memory.swappiness", std::to_string(*memory.swappiness));
  if (memory.disable_oom_killer)
    add("memory", "memory.oom_control", *memory.disable_oom_killer ? "1" : "0");
}

void Planner::memory_v2(const Resources::Memory& memory) {
  const int64_t limit = memory.limit.value_or(0);
  int64_t swap = memory.swap.value_or(0);
  if (limit == -1 && swap == 0) swap = -1;
  if (swap > 0 && limit > 0) swap -= limit;  // v2 counts swap by itself; now 0 is a limit
  if (memory.swap.value_or(0) != 0 || swap == -1)
    add("memory", "memory.swap.max", bytes_or_max(swap), swap <= 0);
  if (limit != 0) add("memory", "memory.max", bytes_or_max(limit));
  if (memory.reservation.value_or(0) != 0)
    add("memory", "memory.low", bytes_or_max(*memory.reservation));
  if (memory.swappiness) only_v1("memory.swappiness");
  if (memory.disable_oom_killer.value_or(false)) only_v1("memory.disableOOMKiller");
  if (memory.kernel_tcp.value_or(0) != 0) only_v1("memory.kernelTCP");
}

// --- CPU -----------------------------------------------------------------------------------------

void check_cpu(const Resources::Cpu& cpu) {
  const uint64_t shares = cpu.shares.value_or(0);
  const int64_t quota = cpu.quota.value_or(0);
  const uint64_t period = cpu.period.value_or(0);
  if (shares == 1 || shares > 262144) refuse("cpu.shares", shares, "want 2 to 262144");
  if (quota < -1 || (quota > 0 && quota < 1000))
    refuse("cpu.quota", quota, "want at least 1000 microseconds, or -1 for unlimited");
  if (period != 0 && (period < 1000 || period > 1000000))
    refuse("cpu.period", period, "want 1000 to 1000000 microseconds");
  if (cpu.idle && *cpu.idle != 0 && *cpu.idle != 1) refuse("cpu.idle", *cpu.idle, "want 0 or 1");
}

void Planner::cpu(const Resources::Cpu& cpu) {
  check_cpu(cpu);
  const uint64_t shares = cpu.shares.value_or(0);
  if (shares == 0 && cpu.quota.value_or(0) == 0 && cpu.period.value_or(0) == 0 && !cpu.burst &&
      !cpu.idle && !cpu.realtime_period && !cpu.realtime_runtime)
    return;
  const bool unified = require("cpu", "CPU time");
  // An idle cgroup takes no weight: becoming idle comes last, ceasing to be comes first.
  if (cpu.idle && *cpu.idle == 0) add("cpu", "cpu.idle", "0", true);
  if (shares != 0 && unified) add("cpu", "cpu.weight", std::to_string(weight_of_shares(shares)));
  if (shares != 0 && !unified) add("cpu", "cpu.shares", std::to_string(shares));
  cpu_bandwidth(cpu, unified);
  if (cpu.realtime_period || cpu.realtime_runtime) {
    if (unified) only_v1("real-time CPU time");
    if (cpu.realtime_period) add("cpu", "cpu.rt_period_us", std::to_string(*cpu.realtime_period));
    if (cpu.realtime_runtime)
      add("cpu", "cpu.rt_runtime_us", std::to_string(*cpu.realtime_runtime));
  }
  if (cpu.idle && *cpu.idle == 1) add("cpu", "cpu.idle", "1");
}

void Planner::cpu_bandwidth(const Resources::Cpu& cpu, bool unified) {
  const int64_t quota = cpu.quota.value_or(0);
  const uint64_t period = cpu.period.value_or(0);
  if (unified) {
    // "max 100000"; a quota alone keeps the period there is.
    if (quota != 0 || period != 0)
      add("cpu", "cpu.max",
          (quota > 0 ? std::to_string(quota) : "max") +
              (period != 0 ? " " + std::to_string(period) : ""));
    if (cpu.burst) add("cpu", "cpu.max.burst", std::to_string(*cpu.burst));
    return;
  }
  if (period != 0) add("cpu", "cpu.cfs_period_us", std::to_string(period));
  if (quota != 0) add("cpu", "cpu.cfs_quota_us", std::to_string(quota));
  if (cpu.burst) add("cpu", "cpu.cfs_burst_us", std::to_string(*cpu.burst));
}

void Planner::cpuset(const Resources::Cpu& cpu) {
  if (cpu.cpus.empty() && cpu.mems.empty()) return;
  if (!cpu.cpus.empty() && !is_number_list(cpu.cpus))
    refuse("cpu.cpus", cpu.cpus, "want a list such as '0-2,7'");
  if (!cpu.mems.empty() && !is_number_list(cpu.mems))
    refuse("cpu.mems", cpu.mems, "want a list such as '0-1'");
  require("cpuset", "which CPUs are used");
  if (!cpu.cpus.empty()) add("cpuset", "cpuset.cpus", cpu.cpus);
  if (!cpu.mems.empty()) add("cpuset", "cpuset.mems", cpu.mems);
}

// --- pids, huge pages, network, RDMA -------------------------------------------------------------

void Planner::pids(const std::optional<int64_t>& limit) {
  if (!limit) return;
  if (*limit < -1) refuse("pids.limit", *limit, "want a number, or -1 for unlimited");
  const bool is_unlimited = *limit <= 0;
  if (is_unlimited && !layout_.find_controller("pids")) return;
  require("pids", "pids");
  add("pids", "pids.max", is_unlimited ? "max" : std::to_string(*limit));
}

void Planner::huge_pages(const Resources& resources) {
  for (const auto& [size, bytes] : resources.hugepage_limits) {
    if (!is_page_size(size)) refuse("hugepageLimits.pageSize", size, "want a size such as '2MB'");
    const bool unified = require("hugetlb", "huge pages");
    const std::string suffix = unified ? "max" : "limit_in_bytes";
    add("hugetlb", "hugetlb." + size + "." + suffix, std::to_string(bytes));
    // Reservations count where the kernel counts them (5.7): else mmap is limited only at the
    // fault.
    add("hugetlb", "hugetlb." + size + ".rsvd." + suffix, std::to_string(bytes), true);
  }
}

void Planner::network(const Resources& resources) {
  if (resources.network_class_id) {
    require("net_cls", "the network class");
    add("net_cls", "net_cls.classid", std::to_string(*resources.network_class_id));
  }
  for (const auto& [interface, priority] : resources.network_priorities) {
    if (!is_word(interface)) refuse("network.priorities.name", interface, "want an interface");
    require("net_prio", "network priorities");
    add("net_prio", "net_prio.ifpriomap", fmt::format("{} {}", interface, priority));
  }
}

void Planner::rdma(const std::vector<Resources::Rdma>& devices) {
  for (const Resources::Rdma& device : devices) {
    if (!is_word(device.device)) refuse("rdma", device.device, "want a device");
    require("rdma", "RDMA");
    std::string line = device.device;
    if (device.handles) line += fmt::format(" hca_handle={}", *device.handles);
    if (device.objects) line += fmt::format(" hca_object={}", *device.objects);
    if (line != device.device) add("rdma", "rdma.max", line);
  }
}

// --- block I/O -----------------------------------------------------------------------------------

void check_io_weight(std::string_view field, uint16_t weight) {
  if (weight < 10 || weight > 1000) refuse(field, weight, "want 10 to 1000");
}

std::string device_line(int64_t major, int64_t minor, std::string_view value) {
  if (major < 0 || minor < 0)
    refuse("blockIO device", fmt::format("{}:{}", major, minor), "want major and minor number");
  return fmt::format("{}:{} {}", major, minor, value);
}

void Planner::block_io(const Resources::BlockIo& io) {
  if (!io.weight && !io.leaf_weight && io.weight_devices.empty() && io.read_bps.empty() &&
      io.write_bps.empty() && io.read_iops.empty() && io.write_iops.empty())
    return;
  const bool unified = layout_.find_controller("blkio") ? false : require("io", "block I/O");
  const char* controller = unified ? "io" : "blkio";
  // Only the BFQ scheduler has weights on v1 since CFQ is gone (5.0); on v2 there is io.cost too,
  // whose scale is ten times as large.
  const auto add_weight = [&](const char* suffix, uint16_t weight, const std::string& device) {
    const std::string v2 = std::to_string(io_weight_of_blkio_weight(weight));
    if (unified)
      writes_.push_back({controller, "io.bfq.weight", device + std::to_string(weight), false,
                         "io.weight", device.empty() ? "default " + v2 : device + v2});
    else
      writes_.push_back({controller, std::string("blkio.bfq.weight") + suffix,
                         device + std::to_string(weight), false,
                         std::string("blkio.weight") + suffix, device + std::to_string(weight)});
  };
  if (io.weight) {
    check_io_weight("blockIO.weight", *io.weight);
    add_weight("", *io.weight, "");
  }
  if (io.leaf_weight.value_or(0) != 0)
    throw Error(ErrorKind::unsupported, "cannot set blockIO.leafWeight: Linux has none since 5.0");
  for (const WeightDevice& device : io.weight_devices) {
    check_io_weight("blockIO.weightDevice", device.weight);
    add_weight("_device", device.weight, device_line(device.major, device.minor, ""));
  }
  throttle(io.read_bps, unified, "blkio.throttle.read_bps_device", "rbps");
  throttle(io.write_bps, unified, "blkio.throttle.write_bps_device", "wbps");
  throttle(io.read_iops, unified, "blkio.throttle.read_iops_device", "riops");
  throttle(io.write_iops, unified, "blkio.throttle.write_iops_device", "wiops");
}

void Planner::throttle(const std::vector<ThrottleDevice>& devices, bool unified,
                       const char* v1_file, const char* v2_key) {
  for (const ThrottleDevice& device : devices) {
    const std::string rate = unified && device.rate == 0 ? "max" : std::to_string(device.rate);
    if (unified)
      add("io", "io.max",
          device_line(device.major, device.minor, fmt::format("{}={}", v2_key, rate)));
    else
      add("blkio", v1_file, device_line(device.major, device.minor, rate));
  }
}

// --- devices, raw files --------------------------------------------------------------------------

void Planner::devices(const std::vector<DeviceRule>& rules) {
  if (rules.empty()) return;
  if (!devices_by_bpf(layout_)) {
    for (LimitWrite& write : plan_device_rules(rules)) writes_.push_back(std::move(write));
    return;
  }
  normalize_device_rules(rules);  // refuses what cannot be meant
  if (!layout_.find_unified()) lacks("devices", "devices");
}

// What belongs to the runtime, not to a limit: "cgroup.procs" here would move processes.
bool is_limit_file(std::string_view file) {
  return is_word(file) && file.find('/') == std::string_view::npos &&
         file.find('.') != std::string_view::npos && file[0] != '.' &&
         (!file.starts_with("cgroup.") || file.starts_with("cgroup.max."));
}

void Planner::unified(const std::map<std::string, std::string>& files) {
  for (const auto& [file, value] : files) {
    if (!is_limit_file(file)) refuse("unified", file, "want a file such as 'memory.high'");
    if (value.size() > 4096 || value.find('\0') != std::string::npos)
      refuse("unified", file, "its value is not text of at most 4096 bytes");
    const std::string controller = file.substr(0, file.find('.'));
    const bool is_core = controller == "cgroup";
    if (!layout_.find_unified() || (!is_core && !require(controller, file)))
      throw Error(ErrorKind::unsupported,
                  fmt::format("cannot set '{}': this machine uses cgroup v1", file));
    writes_.push_back({controller, file, value});
  }
}

}  // namespace

std::vector<LimitWrite> plan_limits(const Resources& resources, const CgroupLayout& layout) {
  Planner planner(layout);
  planner.cpuset(resources.cpu);
  planner.cpu(resources.cpu);
  planner.memory(resources.memory);
  planner.pids(resources.pids_limit);
  planner.block_io(resources.block_io);
  planner.huge_pages(resources);
  planner.network(resources);
  planner.rdma(resources.rdma);
  planner.devices(resources.devices);
  planner.unified(resources.unified);
  return planner.take();
}

uint64_t weight_of_shares(uint64_t shares) {
  if (shares == 0) return 0;
  if (shares <= 2) return 1;
  if (shares >= 262144) return 10000;
  // The parabola, in logarithms, through (2, 1), (1024, 100) and (262144, 10000). The small
  // constant keeps rounding errors from lifting 100.00000000000001 to 101.
  const double l = std::log2(static_cast<double>(shares));
  const double exponent = (l * l + 125 * l) / 612 - 7.0 / 34;
  return static_cast<uint64_t>(std::ceil(std::pow(10, exponent) - 1e-9));
}

uint64_t io_weight_of_blkio_weight(uint16_t weight) {
  return weight == 0 ? 0 : 1 + (uint64_t{weight} - 10) * 9999 / 990;
}

}  // namespace ctr::runtime
