// Cgroup: what the kernel counted, and out of memory.
#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>

#include "runtime/cgroup/cgroup.h"
#include "runtime/cgroup/control_file.h"
#include "runtime/sys/error.h"
#include "runtime/sys/file.h"
#include "runtime/sys/path.h"

namespace ctr::runtime {

using sys::UniqueFd;

namespace {

uint64_t value_of(const std::map<std::string, uint64_t>& values, const char* key) {
  const auto found = values.find(key);
  return found == values.end() ? 0 : found->second;
}

uint64_t number_or(int directory, const char* file, uint64_t otherwise) {
  return find_number(directory, file).value_or(otherwise);
}

// "8:0 Read 4096": v1's form. The line "Total 4096" has no device.
void append_blkio(int directory, const char* file, std::vector<CgroupStats::BlockIo>& entries) {
  const std::string text = find_control_file(directory, file).value_or("");
  const std::vector<std::string_view> list = words(text);
  for (size_t i = 0; i + 2 < list.size(); i += 3) {
    const size_t colon = list[i].find(':');
    if (colon == std::string_view::npos) return;
    entries.push_back({to_number(list[i]), to_number(list[i].substr(colon + 1)),
                       std::string(list[i + 1]), to_number(list[i + 2])});
  }
}

// "8:0 rbytes=4096 wbytes=0 rios=1 wios=0 dbytes=0 dios=0": v2's form.
void append_io_stat(int directory, CgroupStats& stats) {
  const std::string text = find_control_file(directory, "io.stat").value_or("");
  uint64_t major = 0;
  uint64_t minor = 0;
  for (std::string_view word : words(text)) {
    const size_t colon = word.find(':');
    const size_t equal = word.find('=');
    if (equal == std::string_view::npos) {
      if (colon == std::string_view::npos) continue;
      major = to_number(word);
      minor = to_number(word.substr(colon + 1));
      continue;
    }
    const std::string_view key = word.substr(0, equal);
    const uint64_t value = to_number(word.substr(equal + 1));
    if (key == "rbytes") stats.io_service_bytes.push_back({major, minor, "Read", value});
    if (key == "wbytes") stats.io_service_bytes.push_back({major, minor, "Write", value});
    if (key == "rios") stats.io_serviced.push_back({major, minor, "Read", value});
    if (key == "wios") stats.io_serviced.push_back({major, minor, "Write", value});
  }
}

void read_throttling(int directory, uint64_t nanoseconds_a_unit, const char* time_key,
                     CgroupStats::Cpu& cpu) {
  const auto values = read_keyed(directory, "cpu.stat");
  cpu.periods = value_of(values, "nr_periods");
  cpu.throttled_periods = value_of(values, "nr_throttled");
  cpu.throttled_ns = value_of(values, time_key) * nanoseconds_a_unit;
}

void read_pids(int directory, CgroupStats::Pids& pids) {
  pids.current = number_or(directory, "pids.current", 0);
  pids.limit = number_or(directory, "pids.max", unlimited);
}

void read_cpuacct(int directory, CgroupStats::Cpu& cpu) {
  cpu.usage_ns = number_or(directory, "cpuacct.usage", 0);
  cpu.user_ns = number_or(directory, "cpuacct.usage_user", 0);
  cpu.system_ns = number_or(directory, "cpuacct.usage_sys", 0);
  const std::string text = find_control_file(directory, "cpuacct.usage_percpu").value_or("");
  for (std::string_view word : words(text)) cpu.per_cpu_ns.push_back(to_number(word));
}

void read_memory_v1(int directory, CgroupStats::Memory& memory) {
  memory.usage = number_or(directory, "memory.usage_in_bytes", 0);
  memory.peak = number_or(directory, "memory.max_usage_in_bytes", 0);
  memory.limit = number_or(directory, "memory.limit_in_bytes", unlimited);
  // v1 writes "unlimited" as the largest multiple of a page.
  if (memory.limit >= uint64_t{INT64_MAX} - 65536) memory.limit = unlimited;
  memory.swap_usage = number_or(directory, "memory.memsw.usage_in_bytes", 0);
  memory.limit_hits = number_or(directory, "memory.failcnt", 0);
  memory.stat = read_keyed(directory, "memory.stat");
}

}  // namespace

CgroupStats Cgroup::stats() const {
  const Tree* tree = unified_tree();
  CgroupStats stats = tree && trees_.size() == 1 ? stats_v2() : stats_v1();
  stats.oom_kills = oom_kill_count();
  return stats;
}

CgroupStats Cgroup::stats_v1() const {
  CgroupStats stats;
  if (const Tree* tree = find_tree("cpuacct")) read_cpuacct(tree->directory.get(), stats.cpu);
  if (const Tree* tree = find_tree("cpu"))
    read_throttling(tree->directory.get(), 1, "throttled_time", stats.cpu);
  if (const Tree* tree = find_tree("memory")) read_memory_v1(tree->directory.get(), stats.memory);
  if (const Tree* tree = find_tree("pids")) read_pids(tree->directory.get(), stats.pids);
  if (const Tree* tree = find_tree("blkio")) {
    const int directory = tree->directory.get();
    append_blkio(directory, "blkio.throttle.io_service_bytes_recursive", stats.io_service_bytes);
    append_blkio(directory, "blkio.throttle.io_serviced_recursive", stats.io_serviced);
  }
  return stats;
}

CgroupStats Cgroup::stats_v2() const {
  CgroupStats stats;
  stats.unified = true;
  const int directory = unified_tree()->directory.get();
  const auto cpu = read_keyed(directory, "cpu.stat");
  stats.cpu.usage_ns = value_of(cpu, "usage_usec") * 1000;
  stats.cpu.user_ns = value_of(cpu, "user_usec") * 1000;
  stats.cpu.system_ns = value_of(cpu, "system_usec") * 1000;
  read_throttling(directory, 1000, "throttled_usec", stats.cpu);
  stats.memory.usage = number_or(directory, "memory.current", 0);
  stats.memory.peak = number_or(directory, "memory.peak", 0);
  stats.memory.limit = number_or(directory, "memory.max", unlimited);
  stats.memory.swap_usage = number_or(directory, "memory.swap.current", 0);
  stats.memory.limit_hits = value_of(read_keyed(directory, "memory.events"), "max");
  stats.memory.stat = read_keyed(directory, "memory.stat");
  read_pids(directory, stats.pids);
  append_io_stat(directory, stats);
  return stats;
}

// --- out of memory -------------------------------------------------------------------------------

std::optional<UniqueFd> Cgroup::open_oom_events() const {
  const Tree* tree = find_tree("memory");
  if (!tree) return std::nullopt;
  const int directory = tree->directory.get();
  if (tree->hierarchy.unified) {
    UniqueFd watch(sys::check(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK), "inotify_init1"));
    const std::string file = sys::fd_path(directory) + "/memory.events";
    sys::check(::inotify_add_watch(watch.get(), file.c_str(), IN_MODIFY), "inotify_add_watch",
               "memory.events");
    return watch;
  }
  UniqueFd event(sys::check(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), "eventfd"));
  const UniqueFd control = sys::open_at(directory, "memory.oom_control", O_RDONLY);
  sys::write_existing(directory, "cgroup.event_control",
                      fmt::format("{} {}", event.get(), control.get()));
  return event;
}

void Cgroup::drain_oom_events(int fd) {
  alignas(inotify_event) char buffer[4096];
  while (::read(fd, buffer, sizeof buffer) > 0) {
  }
}

uint64_t Cgroup::oom_kill_count() const {
  const Tree* tree = find_tree("memory");
  if (!tree) return 0;
  const char* file = tree->hierarchy.unified ? "memory.events" : "memory.oom_control";
  return value_of(read_keyed(tree->directory.get(), file), "oom_kill");
}

}  // namespace ctr::runtime
