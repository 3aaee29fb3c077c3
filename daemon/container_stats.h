// What a container takes, in the shape of GET /containers/{id}/stats. Runs in: ctrd.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include <optional>
#include <string>

#include "runtime/cgroup/stats.h"
#include "runtime/sys/timestamp.h"

namespace ctr::daemon {

// One look at the counters.
struct StatsSample {
  sys::Timestamp time = sys::zero_time;
  runtime::CgroupStats cgroup;
  uint64_t system_cpu_ns = 0;  // of the whole machine
  unsigned online_cpus = 0;
  std::string network;  // /proc/<pid>/net/dev
};

// The machine's own counters for a sample; `pid` is the container's first process.
StatsSample take_sample(const runtime::CgroupStats& cgroup, int pid);

// `previous` may be empty: the first answer of a stream. Pure.
nlohmann::json stats_json(const std::string& id, const std::string& name, const StatsSample& sample,
                          const std::optional<StatsSample>& previous);

// Docker's answer for a container that does not run: all zero.
nlohmann::json empty_stats_json(const std::string& id, const std::string& name);

}  // namespace ctr::daemon
