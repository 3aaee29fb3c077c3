// Whose the files are that a thread makes. Runs in: ctrd and the launcher, on a thread of its own.
#pragma once

#include <cstdint>

namespace ctr::runtime {

// The calling thread makes files as this user and group from now on (setfsuid(2)), with the
// capabilities that it has: a file system that is seen through a user namespace's ids takes files
// of nobody else. Throws Error.
void take_file_ids(uint32_t uid, uint32_t gid);

}  // namespace ctr::runtime
