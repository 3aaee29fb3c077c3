// The device nodes of the host's /dev: what a privileged container gets. Runs in: ctrd.
#pragma once

#include <vector>

#include "runtime/spec.h"

namespace ctr::daemon {

// Without what a container has of its own: pts, shm, mqueue, the console, and links.
std::vector<runtime::Device> list_host_devices();

}  // namespace ctr::daemon
