// Gives back what a monitor does not need while nothing happens: there is one for each container,
// and most of them wait most of the time. runs in: ctr-monitor.
#pragma once

namespace ctr::runtime {

// Free heap, the stack below the caller, and the program's own pages that come from its file, which
// the kernel maps again when they are needed.
void release_idle_memory();

}  // namespace ctr::runtime
