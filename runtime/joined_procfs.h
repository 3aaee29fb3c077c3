// A procfs of a pid namespace in which others are, for a container that shares it (--pid=container:X).
//
// The kernel makes it for the namespace of whoever asks, so that somebody has to ask from inside, where X's processes
// see him and may trace him. He is therefore nobody: a user of no rights, in a user namespace of his own, with
// the new container's root directory and without a descriptor but his way back. What he brings is no more
// than a beginning, which only the one outside can make a file system of (attack E03).
// runs in: the first process of a container that joins a pid namespace, which is itself outside of it.
#pragma once

#include "runtime/sys/unique_fd.h"

namespace ctr::runtime {

// The context of fsopen(2). `pid_namespace`: to join; `root`: of the new container.
sys::UniqueFd open_joined_procfs(int pid_namespace, int root);

}  // namespace ctr::runtime
