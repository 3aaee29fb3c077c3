// A container's own user namespace (user_namespaces(7)): its first process is born in it without
// ids, the host side gives it the mappings, and then it becomes that namespace's root and sets the
// rest up.
#pragma once

#include <sys/types.h>

#include "runtime/spec.h"

namespace ctr::runtime {

// Throws Error{invalid_argument} with the field's name: no mapping at all, an empty or overlapping
// one, more than the kernel takes, none for root. Pure.
void check_id_maps(const std::vector<IdMap>& uid_mappings, const std::vector<IdMap>& gid_mappings);

// Of a process that was born in a user namespace and waits.
void write_id_maps(pid_t pid, const std::vector<IdMap>& uid_mappings,
                   const std::vector<IdMap>& gid_mappings);

// runs in: the launcher. Gives `pid`, which waits, its mappings, and what it could not take itself
// in there: limits above the hard ones, and its OOM score.
void set_up_user_namespace(pid_t pid, const ContainerSpec& spec);
void set_limits_from_outside(pid_t pid, const Process& process);

// runs in: the container's process, once the mappings are there.
void become_namespace_root();

}  // namespace ctr::runtime
