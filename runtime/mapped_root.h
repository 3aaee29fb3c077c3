// What a container with a user namespace cannot make itself, and what can be made only where it is
// attached: an overlay whose layers are seen through the container's ids (so that files have their
// owners on disk), and device nodes. runs in: the launcher, before the clone, by a process of its
// own with a mount namespace of its own, which ends with it.
#pragma once

#include <map>

#include "runtime/spec.h"
#include "runtime/sys/unique_fd.h"

namespace ctr::runtime {

struct MappedRoot {
  sys::UniqueFd overlay;                         // detached; empty if its layers are not mapped
  std::map<const Device*, sys::UniqueFd> nodes;  // detached binds of the nodes, with their owners
};

// `user_namespace` has the container's mappings. Needs the host's root. Throws LaunchError that
// names what its kernel or file system lacks (Linux 5.19, and a file system with idmapped mounts).
MappedRoot make_mapped_root(const ContainerSpec& spec, int user_namespace);

}  // namespace ctr::runtime
