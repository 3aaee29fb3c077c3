// The machines that the plans are made for.
#pragma once

#include "runtime/cgroup/layout.h"

inline ctr::runtime::CgroupLayout v1_layout() {
  ctr::runtime::CgroupLayout layout;
  for (const char* controller : {"cpu", "cpuacct", "cpuset", "memory", "devices", "freezer",
                                 "blkio", "pids", "hugetlb", "net_cls", "net_prio"})
    layout.hierarchies.push_back(
        {false, std::string("/sys/fs/cgroup/") + controller, {controller}});
  return layout;
}

inline ctr::runtime::CgroupLayout v2_layout() {
  ctr::runtime::CgroupLayout layout;
  layout.hierarchies.push_back(
      {true, "/sys/fs/cgroup", {"cpuset", "cpu", "io", "memory", "hugetlb", "pids", "rdma"}});
  return layout;
}
