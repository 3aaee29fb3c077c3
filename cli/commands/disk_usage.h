// What `ctr system df` counts in the daemon's /system/df. Pure.
#pragma once

#include <string>
#include <vector>

#include "cli/template/value.h"

namespace ctr::cli {

struct DiskUsage {
  std::string type;  // "Images"
  int64_t count = 0;
  int64_t active = 0;  // in use
  int64_t size = 0;
  int64_t reclaimable = 0;
};

// Images, containers, local volumes and the build cache, in this order.
std::vector<DiskUsage> disk_usage(const Json& answer);

// "78.12MB (90%)"; without a share where nothing is used.
std::string describe_reclaimable(const DiskUsage& usage);

}  // namespace ctr::cli
