// What a container used, in the form of runc's `events`. Pure.
#pragma once

#include <string>

#include "runtime/cgroup/stats.h"

namespace ctr::runtime::oci {

// {"type":"stats","id":"…","data":{"cpu":…,"memory":…,"pids":…,"blkio":…,…}} on one line.
std::string stats_event(const std::string& id, const CgroupStats& stats);
std::string oom_event(const std::string& id);

}  // namespace ctr::runtime::oci
