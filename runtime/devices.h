// /dev of the container: nodes, the usual links, the terminal's console.
// runs in: the container's first process, before the pivot.
#pragma once

#include "runtime/init_context.h"

namespace ctr::runtime {

void create_devices(InitContext& context);
void create_console(InitContext& context);

}  // namespace ctr::runtime
