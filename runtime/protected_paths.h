// What of /proc and /sys a container must not read or write: masks, read-only paths, sysctls.
// runs in: the container's first process, after the pivot: "/" is the container's root.
#pragma once

#include "runtime/init_context.h"

namespace ctr::runtime {

void mask_paths(InitContext& context);
void make_paths_readonly(InitContext& context);
void write_sysctls(InitContext& context);

}  // namespace ctr::runtime
