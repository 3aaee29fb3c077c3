// The container's root: the overlay or the bundle's directory, the file systems in it, and the pivot.
// runs in: the container's first process, after the clone, in its own mount namespace.
#pragma once

#include "runtime/init_context.h"

namespace ctr::runtime {

void make_mounts_private(InitContext& context);
void mount_root(InitContext& context);
void mount_filesystems(InitContext& context);
void pivot_into_root(InitContext& context);
void protect_root(InitContext& context);

}  // namespace ctr::runtime
