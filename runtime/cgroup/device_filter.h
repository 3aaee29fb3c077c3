// Device rules on cgroup v2: a BPF program that the kernel asks at every open and mknod of a device
// node (BPF_PROG_TYPE_CGROUP_DEVICE). There is no file for it.
#pragma once

#include <linux/bpf.h>

#include <vector>

#include "runtime/spec.h"

namespace ctr::runtime {

// The program for a list of rules, of which the last that names a device and an access decides
// about that access; what no rule names is refused. Pure.
std::vector<bpf_insn> make_device_filter(const std::vector<DeviceRule>& rules);

// Loads the program and attaches it to the cgroup whose directory is open as `cgroup`; then
// detaches the ones that were there: the kernel asks all of them, so that there is no moment
// without a filter.
void attach_device_filter(int cgroup, const std::vector<bpf_insn>& program);

}  // namespace ctr::runtime
