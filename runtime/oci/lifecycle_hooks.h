// The hooks that run when a container's program has begun and when the container is deleted: they
// cannot change what happened, so that a failure is a warning (OCI runtime-spec, runtime.md,
// "Lifecycle").
#pragma once

#include "runtime/hooks.h"
#include "runtime/oci/container_directory.h"
#include "runtime/oci/log.h"

namespace ctr::runtime::oci {

// Both read the configuration that the container was made with from its directory.
void run_poststart_hooks(const ContainerDirectory& directory, const Log& log);
void run_poststop_hooks(const ContainerDirectory& directory, const Log& log);

}  // namespace ctr::runtime::oci
