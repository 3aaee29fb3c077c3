#include "daemon/container_stats.h"

#include <unistd.h>

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <sstream>
#include <thread>

#include "runtime/sys/error.h"
#include "runtime/sys/file.h"

namespace ctr::daemon {

namespace {

using nlohmann::json;

uint64_t system_cpu_time() {
  std::string text = sys::find_file("/proc/stat", 1 << 20).value_or("");
  std::istringstream line(text.substr(0, text.find('\n')));
  std::string name;
  line >> name;
  uint64_t total = 0;
  // user nice system idle iowait irq softirq steal: what Docker adds up.
  uint64_t value = 0;
  for (int field = 0; field < 8 && line >> value; ++field) total += value;
  uint64_t ticks = static_cast<uint64_t>(::sysconf(_SC_CLK_TCK));
  return total * (1'000'000'000 / ticks);
}

json cpu_json(const StatsSample& sample) {
  const runtime::CgroupStats::Cpu& cpu = sample.cgroup.cpu;
  json usage{{"total_usage", cpu.usage_ns},
             {"usage_in_kernelmode", cpu.system_ns},
             {"usage_in_usermode", cpu.user_ns}};
  if (!cpu.per_cpu_ns.empty()) usage["percpu_usage"] = cpu.per_cpu_ns;
  json value{{"cpu_usage", usage},
             {"throttling_data",
              {{"periods", cpu.periods},
               {"throttled_periods", cpu.throttled_periods},
               {"throttled_time", cpu.throttled_ns}}}};
  if (sample.system_cpu_ns > 0) value["system_cpu_usage"] = sample.system_cpu_ns;
  if (sample.online_cpus > 0) value["online_cpus"] = sample.online_cpus;
  return value;
}

uint64_t machine_memory() {
  return static_cast<uint64_t>(::sysconf(_SC_PHYS_PAGES)) *
         static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
}

json memory_json(const runtime::CgroupStats& cgroup) {
  const runtime::CgroupStats::Memory& memory = cgroup.memory;
  json value{{"usage", memory.usage},
             {"stats", memory.stat},
             {"limit", std::min(memory.limit, machine_memory())}};
  if (memory.peak > 0) value["max_usage"] = memory.peak;
  if (memory.limit_hits > 0) value["failcnt"] = memory.limit_hits;
  return value;
}

json block_io_json(const std::vector<runtime::CgroupStats::BlockIo>& entries) {
  json list = json::array();
  for (const runtime::CgroupStats::BlockIo& entry : entries)
    list.push_back({{"major", entry.major},
                    {"minor", entry.minor},
                    {"op", entry.operation},
                    {"value", entry.value}});
  return list;
}

// On v2 the kernel counts bytes and operations only, which Docker shows as null for the others.
json block_io_stats_json(const runtime::CgroupStats& cgroup) {
  const bool is_v1 = !cgroup.cpu.per_cpu_ns.empty();
  const json others = is_v1 ? json::array() : json(nullptr);
  return {{"io_service_bytes_recursive", block_io_json(cgroup.io_service_bytes)},
          {"io_serviced_recursive", block_io_json(cgroup.io_serviced)},
          {"io_queue_recursive", others},
          {"io_service_time_recursive", others},
          {"io_wait_time_recursive", others},
          {"io_merged_recursive", others},
          {"io_time_recursive", others},
          {"sectors_recursive", others}};
}

// /proc/<pid>/net/dev: two lines of titles, then "name: 8 received, 8 sent".
json networks_json(const std::string& text) {
  json networks = json::object();
  std::istringstream lines(text);
  std::string line;
  while (std::getline(lines, line)) {
    size_t colon = line.find(':');
    if (colon == std::string::npos) continue;
    std::string name =
        line.substr(line.find_first_not_of(' '), colon - line.find_first_not_of(' '));
    if (name == "lo") continue;
    std::istringstream numbers(line.substr(colon + 1));
    uint64_t fields[16] = {};
    for (uint64_t& field : fields) numbers >> field;
    networks[name] = {{"rx_bytes", fields[0]},   {"rx_packets", fields[1]},
                      {"rx_errors", fields[2]},  {"rx_dropped", fields[3]},
                      {"tx_bytes", fields[8]},   {"tx_packets", fields[9]},
                      {"tx_errors", fields[10]}, {"tx_dropped", fields[11]}};
  }
  return networks;
}

json pids_json(const runtime::CgroupStats::Pids& pids) {
  json value{{"current", pids.current}};
  if (pids.limit != runtime::unlimited) value["limit"] = pids.limit;
  return value;
}

}  // namespace

StatsSample take_sample(const runtime::CgroupStats& cgroup, int pid) {
  StatsSample sample{.time = sys::now(),
                     .cgroup = cgroup,
                     .system_cpu_ns = system_cpu_time(),
                     .online_cpus = std::max(1U, std::thread::hardware_concurrency()),
                     .network = {}};
  try {
    sample.network = sys::find_file(fmt::format("/proc/{}/net/dev", pid), 1 << 20).value_or("");
  } catch (const sys::Error&) {
    // It ended while we looked: the next look says so.
  }
  return sample;
}

json stats_json(const std::string& id, const std::string& name, const StatsSample& sample,
                const std::optional<StatsSample>& previous) {
  json value{{"id", id},
             {"name", "/" + name},
             {"read", sys::format_timestamp(sample.time)},
             {"preread", sys::format_timestamp(previous ? previous->time : sys::zero_time)},
             {"cpu_stats", cpu_json(sample)},
             {"precpu_stats", cpu_json(previous.value_or(StatsSample{}))},
             {"memory_stats", memory_json(sample.cgroup)},
             {"pids_stats", pids_json(sample.cgroup.pids)},
             {"num_procs", 0},
             {"storage_stats", json::object()},
             {"blkio_stats", block_io_stats_json(sample.cgroup)}};
  json networks = networks_json(sample.network);
  if (!networks.empty()) value["networks"] = networks;
  return value;
}

json empty_stats_json(const std::string& id, const std::string& name) {
  json value = stats_json(id, name, {}, std::nullopt);
  for (const char* bytes_or_operations : {"io_service_bytes_recursive", "io_serviced_recursive"})
    value["blkio_stats"][bytes_or_operations] = nullptr;
  value["memory_stats"] = json::object();
  value["pids_stats"] = json::object();
  return value;
}

}  // namespace ctr::daemon
