// The sockets that the API is served on.
#pragma once

#include <string>
#include <vector>

#include "daemon/config.h"
#include "runtime/sys/unique_fd.h"

namespace ctr::daemon {

// One for each host of the configuration, and those that systemd opened for us (LISTEN_FDS). The
// sockets are for root and the group, 0660, from the first moment that somebody can connect (P01).
// Throws Error{conflict} if somebody listens on one of them, Error{invalid_argument} for "fd://"
// without systemd and for a group that is asked for and does not exist.
std::vector<sys::UniqueFd> open_listeners(const Config& config);

}  // namespace ctr::daemon
