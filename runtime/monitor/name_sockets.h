// The sockets at which a container asks for names: bound inside its network namespace before its
// program begins, and lent to each daemon, so that questions wait for the next one while none runs.
// runs in: ctr-monitor.
#pragma once

#include "runtime/sys/unique_fd.h"

namespace ctr::runtime {

struct NameSockets {
  sys::UniqueFd udp;  // bound to 127.0.0.11 port 53, where Docker's containers look, too
  sys::UniqueFd tcp;  // listening there
};

// `network` is an open /proc/<pid>/ns/net whose "lo" is up. The calling thread is in its own
// namespace again when this returns, whatever happened.
NameSockets open_name_sockets(int network);

}  // namespace ctr::runtime
