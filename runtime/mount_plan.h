// What a mount of the specification means: pure, from the words of mount(8) to the flags of the kernel.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "runtime/spec.h"

namespace ctr::runtime {

struct MountPlan {
  bool bind = false;
  bool recursive_bind = false;
  uint64_t attributes_set = 0;    // MOUNT_ATTR_* of the mount itself
  uint64_t attributes_clear = 0;
  uint64_t recursive_set = 0;     // the same for the whole tree: "rro", "rnosuid" …
  uint64_t recursive_clear = 0;
  uint64_t propagation = 0;       // MS_PRIVATE, MS_SLAVE, MS_SHARED, MS_UNBINDABLE or 0
  bool recursive_propagation = false;
  bool copy_up = false;           // tmpcopyup: a tmpfs begins with what was there
  std::vector<std::pair<std::string, std::string>> filesystem_options;  // for fsconfig(2)
};

// Throws Error{invalid_argument} for options that cannot be meant so: an option with a value on a bind
// would change the host's file system (attack R19), a NUL anywhere.
MountPlan plan_mount(const Mount& mount);

}  // namespace ctr::runtime
