// /sys/fs/cgroup of a container: its own cgroup as the root of what it sees, read-only.
// runs in: the container's first process, in its cgroup (and its cgroup namespace), before the pivot.
#pragma once

#include "runtime/init_context.h"
#include "runtime/mount_plan.h"

namespace ctr::runtime {

void mount_cgroups(InitContext& context, const Mount& mount, const MountPlan& plan);

}  // namespace ctr::runtime
