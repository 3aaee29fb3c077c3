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
  // What the value says is the case anyway where the file is missing ("no swap limit").
  bool optional = false;

  bool operator==(const LimitWrite&) const = default;
};

// In the order in which they must be written. Throws Error{invalid_argument} that names field and
// value for limits that cannot be meant, and Error{unsupported} ("cannot limit pids: the pids
// controller is not available on this machine …") for those that this machine cannot keep.
// The device rules of cgroup v2 are a BPF program and not in here: see device_filter.h.
std::vector<LimitWrite> plan_limits(const Resources& resources, const CgroupLayout& layout);

// Whether rules for devices are written to v1's devices controller (they are then in the plan) or
// are a BPF program on the v2 tree.
bool devices_by_bpf(const CgroupLayout& layout);

// What Docker lets every container do with devices: nothing but the harmless nodes of /dev, ttys
// and /dev/net/tun; mknod of anything, which gives no access. (isolation.md, section 6)
std::vector<DeviceRule> default_device_rules();
// Privileged: everything.
std::vector<DeviceRule> all_device_rules();
// "c 1:3 rwm", "a *:* rwm" (--device-cgroup-rule); Error{invalid_argument} for anything else.
DeviceRule parse_device_rule(const std::string& text);
std::string format_device_rule(const DeviceRule& rule);  // "c 1:3 rwm", as v1's files take it

// CPU shares (2…262144, default 1024) as v2's weight (1…10000, default 100), so that the defaults
// meet; the formula that runc and crun use since 2025. 0 is "not set" and stays 0.
uint64_t weight_of_shares(uint64_t shares);
// Block I/O weight 10…1000 as io.weight 1…10000.
uint64_t io_weight_of_blkio_weight(uint16_t weight);

}  // namespace ctr::runtime
