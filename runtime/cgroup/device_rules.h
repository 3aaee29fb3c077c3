// Which devices a container may open and make: rules, Docker's default ones, and their two forms.
// On cgroup v1 they are lines for the files devices.allow and devices.deny, on v2 a BPF program
// (see device_filter.h). All of it is pure.
#pragma once

#include <string>
#include <vector>

#include "runtime/cgroup/layout.h"
#include "runtime/cgroup/plan.h"
#include "runtime/spec.h"

namespace ctr::runtime {

// What Docker lets every container do with devices: nothing but the harmless nodes of /dev, ttys
// and /dev/net/tun; mknod of anything, which gives no access. (isolation.md, section 6)
std::vector<DeviceRule> default_device_rules();
// Privileged: everything.
std::vector<DeviceRule> all_device_rules();

// "c 1:3 rwm", "a *:* rwm" (--device-cgroup-rule); Error{invalid_argument} for anything else.
DeviceRule parse_device_rule(const std::string& text);
std::string format_device_rule(const DeviceRule& rule);

// Brings a list into a form in which both versions of cgroups mean the same: what no rule names is
// refused; a rule for all of everything comes first or not at all; type 'a' with numbers is a rule
// for 'b' and one for 'c' (v1 would take "a 1:3 r" for everything). Error{invalid_argument} for
// types and accesses that do not exist.
std::vector<DeviceRule> normalize_device_rules(const std::vector<DeviceRule>& rules);

// The lines for v1. Its kernel code removes only the very rule that it was given: a denial inside
// what an earlier rule allows would be ignored, so that such lists are refused
// (Error{unsupported}).
std::vector<LimitWrite> plan_device_rules(const std::vector<DeviceRule>& rules);

// v2's program is needed where no v1 tree has the devices controller.
bool devices_by_bpf(const CgroupLayout& layout);

}  // namespace ctr::runtime
