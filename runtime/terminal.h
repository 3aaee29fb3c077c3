// Pseudo-terminals. The container's end comes from the container's own devpts, so that its tty name
// exists inside; the other end goes to whoever holds the terminal, never into the container.
#pragma once

#include <cstdint>
#include <utility>

#include "runtime/sys/unique_fd.h"

namespace ctr::runtime {

struct Terminal {
  sys::UniqueFd master;
  sys::UniqueFd slave;
};

// `devpts` is a descriptor of the root of a devpts that we mounted, or opened and verified ourselves.
Terminal open_terminal(int devpts);
// Opens /dev/pts of a container that runs, below its root, and verifies that it is a devpts: a link or
// a regular file in its place would hand out something of the host (CVE-2016-9962's siblings).
sys::UniqueFd open_devpts(int root);
void set_terminal_size(int terminal, uint16_t rows, uint16_t columns);
// Makes it the controlling terminal of the session that the caller leads.
void control_terminal(int slave);

}  // namespace ctr::runtime
