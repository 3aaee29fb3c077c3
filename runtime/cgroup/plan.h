// From limits to the files that set them: pure, so that every rule about order, scale and version
// is tested in a table. Cgroup::create and Cgroup::update write what comes out of here.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "runtime/cgroup/layout.h"
#include "runtime/spec.h"

namespace ctr::runtime {

// One write(2) into one file of the container's cgroup.
struct LimitWrite {
  std::string controller;  // "memory"
  std::string file;        // "memory.limit_in_bytes"
  std::string value;       // "67108864"
  // Where the file is missing, what the value says is the case anyway ("no swap limit").
  bool optional = false;
  // What some kernels have instead of `file`, and the value in its scale.
  std::string fallback_file = {};
  std::string fallback_value = {};

  bool operator==(const LimitWrite&) const = default;
};

// In the order in which they must be written. Throws Error{invalid_argument} that names field and
// value for limits that cannot be meant, and Error{unsupported} ("cannot limit pids: the pids
// controller is not available on this machine …") for those that this machine cannot keep.
// The device rules of cgroup v2 are a BPF program and not in here: see device_rules.h.
std::vector<LimitWrite> plan_limits(const Resources& resources, const CgroupLayout& layout);

// CPU shares (2…262144, default 1024) as v2's weight (1…10000, default 100), so that the defaults
// meet; the formula that runc and crun use since 2025. 0 is "not set" and stays 0.
uint64_t weight_of_shares(uint64_t shares);
// Block I/O weight 10…1000 as io.weight 1…10000.
uint64_t io_weight_of_blkio_weight(uint16_t weight);

}  // namespace ctr::runtime
