// Which control group hierarchies this machine has mounted, where, and with which controllers.
// Read once by each process that makes cgroups (ctrd, ctr-monitor, ctr-runtime); a plain value.
//
//   v2      one tree with all controllers                    /sys/fs/cgroup
//   v1      one tree for each controller, or a few of them   /sys/fs/cgroup/memory, …/cpu,cpuacct
//   hybrid  v1, and a v2 tree (mostly without controllers)   …, /sys/fs/cgroup/unified
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace ctr::runtime {

enum class CgroupMode { none, v1, hybrid, v2 };

// One mounted tree. Cgroup paths are relative to what is mounted, which need not be the tree's own
// root: inside another container it is that container's cgroup.
struct Hierarchy {
  bool unified = false;                  // cgroup v2
  std::string mount_point;               // "/sys/fs/cgroup/memory"
  std::vector<std::string> controllers;  // "memory"; v1's named trees have "name=systemd"

  bool has(std::string_view controller) const;
};

struct CgroupLayout {
  std::vector<Hierarchy> hierarchies;  // the v2 tree, if any, last
  bool swap_accounting = true;         // v1 kernels may be started without memory.memsw.*

  CgroupMode mode() const;
  const Hierarchy* find_controller(std::string_view controller) const;
  const Hierarchy* find_unified() const;
};

// `mountinfo` as in proc(5). Controllers of the v2 tree are not in there: the caller fills them in
// from cgroup.controllers. Pure.
CgroupLayout parse_layout(std::string_view mountinfo);

// Reads /proc/self/mountinfo and what the trees offer.
CgroupLayout detect_layout();

}  // namespace ctr::runtime
