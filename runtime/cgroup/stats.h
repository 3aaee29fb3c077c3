// What a container's cgroup counted. Plain values, in the kernel's units; what the kernel does not
// count stays 0 or empty.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace ctr::runtime {

inline constexpr uint64_t unlimited = UINT64_MAX;

struct CgroupStats {
  struct Cpu {
    uint64_t usage_ns = 0;
    uint64_t user_ns = 0;
    uint64_t system_ns = 0;
    std::vector<uint64_t> per_cpu_ns;  // v1 only
    uint64_t periods = 0;
    uint64_t throttled_periods = 0;
    uint64_t throttled_ns = 0;
  } cpu;
  struct Memory {
    uint64_t usage = 0;
    uint64_t peak = 0;  // 0 where the kernel does not tell (v2 before 5.19)
    uint64_t limit = unlimited;
    uint64_t swap_usage = 0;               // v1: memory plus swap, as its file counts it
    uint64_t limit_hits = 0;               // memory.failcnt; v2: "max" of memory.events
    std::map<std::string, uint64_t> stat;  // memory.stat as it is
  } memory;
  struct Pids {
    uint64_t current = 0;
    uint64_t limit = unlimited;
  } pids;
  struct BlockIo {
    uint64_t major = 0;
    uint64_t minor = 0;
    std::string operation;  // "Read", "Write"; v1 also "Sync", "Async", "Discard", "Total"
    uint64_t value = 0;
  };
  std::vector<BlockIo> io_service_bytes;
  std::vector<BlockIo> io_serviced;
  uint64_t oom_kills = 0;
  bool unified = false;  // the figures come from cgroup v2
};

}  // namespace ctr::runtime
