// How much the files of a directory take. Runs in: ctrd.
#pragma once

#include <cstdint>
#include <string>

namespace ctr::daemon {

// Sum of the regular files' sizes below `path`, links not followed, each inode once; 0 if there is
// nothing. Entries that vanish meanwhile are not counted.
uint64_t tree_size(const std::string& path);

}  // namespace ctr::daemon
