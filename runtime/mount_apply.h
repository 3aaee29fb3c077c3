// Makes one mount of the specification inside the new root: the file system is prepared detached, its
// target opened once below the root, and one attached to the other by descriptor.
// runs in: the container's first process, before the pivot, while host paths can still be reached.
#pragma once

#include "runtime/init_context.h"
#include "runtime/mount_plan.h"

namespace ctr::runtime {

void apply_mount(InitContext& context, const Mount& mount);

// A bind's tree, detached, with all but its recursive attributes. Also for the launcher.
sys::UniqueFd prepare_bind(const Mount& mount, const MountPlan& plan);
// A file system of its own, detached. Also for the launcher.
sys::UniqueFd prepare_filesystem(const Mount& mount, const MountPlan& plan);

}  // namespace ctr::runtime
