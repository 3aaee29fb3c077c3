// The process becomes its user: user, groups, capabilities.
// runs in: the starting process, inside the container's root.
#pragma once

#include "runtime/init_context.h"

namespace ctr::runtime {

void find_identity(InitContext& context);  // fills uid, gid, groups and HOME
void take_identity(InitContext& context);  // groups, ids, capabilities: no way back

}  // namespace ctr::runtime
