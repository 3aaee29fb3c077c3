#include "runtime/oci/stats_json.h"

#include <nlohmann/json.hpp>

namespace ctr::runtime::oci {

namespace {

using Json = nlohmann::ordered_json;

Json cpu_json(const CgroupStats::Cpu& cpu) {
  Json usage = {{"total", cpu.usage_ns}};
  if (!cpu.per_cpu_ns.empty()) usage["percpu"] = cpu.per_cpu_ns;
  usage["kernel"] = cpu.system_ns;
  usage["user"] = cpu.user_ns;
  return {{"usage", usage},
          {"throttling",
           {{"periods", cpu.periods},
            {"throttledPeriods", cpu.throttled_periods},
            {"throttledTime", cpu.throttled_ns}}}};
}

Json memory_json(const CgroupStats& stats) {
  const CgroupStats::Memory& memory = stats.memory;
  const char* cache = stats.unified ? "file" : "cache";
  const auto found = memory.stat.find(cache);
  return {{"cache", found == memory.stat.end() ? 0 : found->second},
          {"usage",
           {{"limit", memory.limit},
            {"usage", memory.usage},
            {"max", memory.peak},
            {"failcnt", memory.limit_hits}}},
          {"swap", {{"usage", memory.swap_usage}}},
          {"raw", memory.stat}};
}

Json block_io_json(const std::vector<CgroupStats::BlockIo>& entries) {
  Json list = Json::array();
  for (const CgroupStats::BlockIo& entry : entries)
    list.push_back({{"major", entry.major},
                    {"minor", entry.minor},
                    {"op", entry.operation},
                    {"value", entry.value}});
  return list;
}

// A limit of 0 is how runc writes that there is none.
Json pids_json(const CgroupStats::Pids& pids) {
  return {{"current", pids.current}, {"limit", pids.limit == unlimited ? 0 : pids.limit}};
}

std::string line(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace

std::string stats_event(const std::string& id, const CgroupStats& stats) {
  return line({{"type", "stats"},
               {"id", id},
               {"data",
                {{"cpu", cpu_json(stats.cpu)},
                 {"memory", memory_json(stats)},
                 {"pids", pids_json(stats.pids)},
                 {"blkio",
                  {{"ioServiceBytesRecursive", block_io_json(stats.io_service_bytes)},
                   {"ioServicedRecursive", block_io_json(stats.io_serviced)}}},
                 {"hugetlb", Json::object()},
                 {"intel_rdt", Json::object()},
                 {"network_interfaces", nullptr}}}});
}

std::string oom_event(const std::string& id) {
  return line({{"type", "oom"}, {"id", id}});
}

}  // namespace ctr::runtime::oci
