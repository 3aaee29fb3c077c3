// fork(2) with namespaces, a pidfd and, where the kernel can, straight into the cgroup (clone(2)).
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <vector>

#include "runtime/cgroup/cgroup.h"
#include "runtime/spec.h"
#include "runtime/sys/unique_fd.h"

namespace ctr::runtime {

// In the child pid is 0 and there is no pidfd.
struct Cloned {
  pid_t pid = -1;
  sys::UniqueFd pidfd;
  bool in_cgroup = false;
};

// CLONE_NEW… of the namespaces that are to be new; not those that a process enters by itself.
uint64_t plan_clone_flags(const ContainerSpec& spec);

// `cgroup`: see Cgroup::clone_fd.
Cloned clone_process(uint64_t flags, int cgroup);

// A child of the caller's in a user namespace that exists, as its root, whose new namespaces belong to
// that one: only so may the child set them up. setns(2) and clone3(2) must therefore be done by a process
// in between, which gives its child to the caller (CLONE_PARENT) and ends. It enters the trees of cgroup v1,
// too, since nobody in a user namespace may. The child is in all of the cgroup then.
Cloned clone_into_user_namespace(int user_namespace, uint64_t flags, int cgroup,
                                 const std::vector<Cgroup::Entry>& entries);

}  // namespace ctr::runtime
