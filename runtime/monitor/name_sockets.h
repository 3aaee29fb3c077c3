// The sockets at which a container asks for names: bound inside its network namespace before its
// program begins, and lent to each daemon, so that questions wait for the next one while none runs.
// runs in: ctr-monitor.
#pragma once

#include "runtime/sys/unique_fd.h"

namespace ctr::runtime {

struct NameSockets {
  // What is sent to 127.0.0.11 port 53, where Docker's containers look, too, arrives at these. They
  // are bound to other ports: the container's own server may have port 53 on every address.
  sys::UniqueFd udp;
  sys::UniqueFd tcp;  // listening
};

// `network` is an open /proc/<pid>/ns/net whose "lo" is up. The calling thread is in its own
// namespace again when this returns, whatever happened.
NameSockets open_name_sockets(int network);

}  // namespace ctr::runtime
