// Gives back what a program does not need while nothing happens: monitors, of which there is one for each
// container, and the daemon wait most of the time.
#pragma once

namespace ctr::sys {

// Free heap, the stack below the caller, and the pages of the program and its libraries that come from
// their files: they stay in the kernel's page cache, and are mapped again when they are needed.
void release_idle_memory();

}  // namespace ctr::sys
