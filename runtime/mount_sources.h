// Sources of mounts that only the host side can open: a container with a user namespace of its own
// has not the right to walk through the host's private directories, nor to map a mount's ids. runs
// in: the launcher, before the clone; the descriptors come to the container's process by it.
#pragma once

#include <map>

#include "runtime/spec.h"
#include "runtime/sys/unique_fd.h"

namespace ctr::runtime {

struct MountSources {
  sys::UniqueFd root;                           // the root file system's tree; empty: opened inside
  std::map<const Mount*, sys::UniqueFd> trees;  // detached, with their attributes
  std::map<const Device*, sys::UniqueFd> devices;  // binds of nodes that were made for it
};

// Nothing is opened that the container's process can open itself. Throws Error{invalid_argument}
// that names the mount for ids that cannot be mapped on its file system.
MountSources open_mount_sources(const ContainerSpec& spec);

}  // namespace ctr::runtime
