// Mounts an overlay of a container's layers, whatever the kernel offers for it.
// Runs in: a process or thread with a mount namespace of its own.
#pragma once

#include <string>

#include "runtime/spec.h"
#include "runtime/sys/unique_fd.h"

namespace ctr::runtime {

// Attached over the directory `where` (an absolute host path), private. Returns a descriptor
// (O_PATH) of the mount's root. Any number of layers up to overlayfs's own limit; kernels before
// Linux 6.5 take some 180.
sys::UniqueFd attach_overlay(const Overlay& overlay, const std::string& where);

}  // namespace ctr::runtime
