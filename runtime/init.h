// The container side of a start: a table of named stages, run in order, ended by exec.
// runs in: the child of launch() or exec(), right after its clone3.
#pragma once

#include "runtime/init_context.h"

namespace ctr::runtime {

// The first process of a container. Never returns and never unwinds into its parent's frames: a
// failure is sent over the channel with the name of its stage, and the process exits.
[[noreturn]] void run_init(InitContext& context) noexcept;

// A further process in a container that runs.
[[noreturn]] void run_exec(InitContext& context) noexcept;

}  // namespace ctr::runtime
