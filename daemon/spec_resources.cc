#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>

#include "daemon/default_isolation.h"
#include "daemon/spec_builder.h"
#include "runtime/cgroup/device_rules.h"
#include "runtime/sys/error.h"

namespace ctr::daemon {

namespace {

using runtime::Resources;

constexpr int64_t minimum_memory = 6 << 20;
constexpr int64_t billion = 1'000'000'000;
constexpr uint64_t cpu_period = 100'000;  // microseconds

[[noreturn]] void refuse(const std::string& message) {
  throw sys::Error(sys::ErrorKind::invalid_argument, message);
}

template <class Number>
void set_if_asked(std::optional<Number>& target, int64_t value) {
  if (value != 0) target = static_cast<Number>(value);
}

dev_t device_number(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) < 0)
    refuse(fmt::format("error gathering device information: stat {}: {}", path,
                       sys::errno_text(errno)));
  return status.st_rdev;
}

std::vector<runtime::ThrottleDevice> plan_throttles(const std::vector<ThrottleRequest>& requests) {
  std::vector<runtime::ThrottleDevice> devices;
  for (const ThrottleRequest& request : requests) {
    dev_t number = device_number(request.path);
    devices.push_back({major(number), minor(number), static_cast<uint64_t>(request.rate)});
  }
  return devices;
}

void plan_memory(const ResourceRequest& request, Resources::Memory& memory) {
  set_if_asked(memory.limit, request.memory);
  set_if_asked(memory.reservation, request.memory_reservation);
  set_if_asked(memory.swap, request.memory_swap);
  // Docker's default: as much swap again as there is memory.
  if (request.memory > 0 && request.memory_swap == 0) memory.swap = request.memory * 2;
  if (request.memory_swappiness && *request.memory_swappiness >= 0)
    memory.swappiness = static_cast<uint64_t>(*request.memory_swappiness);
  if (request.oom_kill_disable.value_or(false)) memory.disable_oom_killer = true;
}

void plan_cpu(const ResourceRequest& request, Resources::Cpu& cpu) {
  set_if_asked(cpu.shares, request.cpu_shares);
  set_if_asked(cpu.period, request.cpu_period);
  set_if_asked(cpu.quota, request.cpu_quota);
  set_if_asked(cpu.realtime_period, request.cpu_realtime_period);
  set_if_asked(cpu.realtime_runtime, request.cpu_realtime_runtime);
  if (request.nano_cpus > 0) {
    cpu.period = cpu_period;
    cpu.quota = request.nano_cpus * static_cast<int64_t>(cpu_period) / billion;
  }
  cpu.cpus = request.cpuset_cpus;
  cpu.mems = request.cpuset_mems;
}

void plan_block_io(const ResourceRequest& request, Resources::BlockIo& block_io) {
  if (request.blkio_weight > 0) block_io.weight = static_cast<uint16_t>(request.blkio_weight);
  for (const ThrottleRequest& weight : request.blkio_weight_devices) {
    dev_t number = device_number(weight.path);
    block_io.weight_devices.push_back(
        {major(number), minor(number), static_cast<uint16_t>(weight.rate), 0});
  }
  block_io.read_bps = plan_throttles(request.read_bps);
  block_io.write_bps = plan_throttles(request.write_bps);
  block_io.read_iops = plan_throttles(request.read_iops);
  block_io.write_iops = plan_throttles(request.write_iops);
}

void plan_device_access(const ResourceRequest& request, const HostConfig& host_config,
                        Resources& resources) {
  resources.devices =
      host_config.privileged ? runtime::all_device_rules() : runtime::default_device_rules();
  for (const DeviceRequest& device : request.devices) {
    struct stat status {};
    if (::stat(device.path_on_host.c_str(), &status) < 0 || S_ISDIR(status.st_mode)) continue;
    runtime::DeviceRule rule;
    rule.allow = true;
    rule.type = S_ISBLK(status.st_mode) ? 'b' : 'c';
    rule.major = major(status.st_rdev);
    rule.minor = minor(status.st_rdev);
    rule.access = device.permissions.empty() ? "rwm" : device.permissions;
    resources.devices.push_back(rule);
  }
  for (const std::string& text : request.device_cgroup_rules)
    resources.devices.push_back(runtime::parse_device_rule(text));
}

// "RTMIN", "RTMIN+3", "RTMAX-1".
std::optional<int> find_realtime_signal(std::string_view name) {
  bool from_first = name.starts_with("RTMIN");
  if (!from_first && !name.starts_with("RTMAX")) return std::nullopt;
  name.remove_prefix(5);
  int distance = 0;
  if (!name.empty()) {
    if (name[0] != (from_first ? '+' : '-')) return std::nullopt;
    name.remove_prefix(1);
    auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), distance);
    if (error != std::errc() || end != name.data() + name.size() || distance < 0)
      return std::nullopt;
  }
  if (distance > SIGRTMAX - SIGRTMIN) return std::nullopt;
  return from_first ? SIGRTMIN + distance : SIGRTMAX - distance;
}

}  // namespace

std::vector<std::string> check_resources(const ResourceRequest& request) {
  if (request.memory != 0 && request.memory < minimum_memory)
    refuse("Minimum memory limit allowed is 6MB");
  if (request.memory == 0 && request.memory_swap > 0)
    refuse("You should always set the Memory limit when using Memoryswap limit, see usage");
  if (request.memory > 0 && request.memory_swap > 0 && request.memory_swap < request.memory)
    refuse("Minimum memoryswap limit should be larger than memory limit, see usage");
  if (request.memory_swappiness &&
      (*request.memory_swappiness < -1 || *request.memory_swappiness > 100))
    refuse(fmt::format("Invalid value: {}, valid memory swappiness range is 0-100",
                       *request.memory_swappiness));
  if (request.memory_reservation > 0 && request.memory_reservation < minimum_memory)
    refuse("Minimum memory reservation allowed is 6MB");
  if (request.memory > 0 && request.memory < request.memory_reservation)
    refuse("Minimum memory limit can not be less than memory reservation limit, see usage");
  if (request.nano_cpus > 0 && (request.cpu_period > 0 || request.cpu_quota > 0))
    refuse("Conflicting options: Nano CPUs and CPU Period or Quota cannot both be set");
  long processors = ::sysconf(_SC_NPROCESSORS_ONLN);
  if (request.nano_cpus < 0 || request.nano_cpus > processors * billion)
    refuse(fmt::format("range of CPUs is from 0.01 to {}.00, as there are only {} CPUs available",
                       processors, processors));
  if (request.cpu_period != 0 && (request.cpu_period < 1000 || request.cpu_period > 1'000'000))
    refuse("CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)");
  if (request.cpu_quota > 0 && request.cpu_quota < 1000)
    refuse("CPU cfs quota can not be less than 1ms (i.e. 1000)");
  if (request.blkio_weight != 0 && (request.blkio_weight < 10 || request.blkio_weight > 1000))
    refuse("Range of blkio weight is from 10 to 1000");
  if (request.wants_device_requests)
    refuse(
        "could not select device driver \"\" with capabilities: [[gpu]]: GPUs are not supported "
        "yet");
  if (request.oom_kill_disable.value_or(false) && request.memory == 0)
    return {
        "OOM killer is disabled for the container, but no memory limit is set, this can result in "
        "the system running out of resources."};
  return {};
}

Resources plan_resources(const ResourceRequest& request, const HostConfig& host_config,
                         const HostFacts&) {
  Resources resources;
  plan_memory(request, resources.memory);
  plan_cpu(request, resources.cpu);
  plan_block_io(request, resources.block_io);
  plan_device_access(request, host_config, resources);
  int64_t pids = request.pids_limit.value_or(0);
  resources.pids_limit = pids == 0 ? default_pids_limit : pids;  // -1: unlimited, as asked
  return resources;
}

int parse_signal(const std::string& text) {
  int number = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error == std::errc() && end == text.data() + text.size()) {
    if (number > 0 && number < NSIG) return number;
    refuse(fmt::format("invalid signal: {}", text));
  }
  std::string name;
  for (char c : text) name += static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
  if (name.rfind("SIG", 0) == 0) name.erase(0, 3);
  for (int candidate = 1; candidate < NSIG; ++candidate) {
    const char* known = ::sigabbrev_np(candidate);
    if (known != nullptr && name == known) return candidate;
  }
  if (std::optional<int> realtime = find_realtime_signal(name)) return *realtime;
  refuse(fmt::format("invalid signal: {}", text));
}

}  // namespace ctr::daemon
