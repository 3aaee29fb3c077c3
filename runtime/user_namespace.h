// A container's own user namespace (user_namespaces(7)): its first process is born in it without
// ids, the host side gives it the mappings, and then it becomes that namespace's root and sets the
// rest up.
#pragma once

#include <sys/types.h>

#include <array>

#include "runtime/spec.h"

namespace ctr::runtime {

// Throws Error{invalid_argument} with the field's name: no mapping at all, an empty or overlapping
// one, more than the kernel takes, none for root. Pure.
void check_id_maps(const std::vector<IdMap>& uid_mappings, const std::vector<IdMap>& gid_mappings);

// The host's id of a container's, and of its root. Throws Error{invalid_argument} for one that is not mapped.
// Pure.
uint32_t host_id(const std::vector<IdMap>& maps, uint32_t container_id);
inline uint32_t host_root(const std::vector<IdMap>& maps) { return host_id(maps, 0); }

// Shows a detached mount's files through a namespace's mappings, mount_setattr(2) MOUNT_ATTR_IDMAP. False, with
// errno: the file system cannot, or it is mapped already.
bool map_mount_ids(int mount, int user_namespace, bool recursive);

// Of a process that was born in a user namespace and waits.
void write_id_maps(pid_t pid, const std::vector<IdMap>& uid_mappings,
                   const std::vector<IdMap>& gid_mappings);

// runs in: the launcher. Gives `pid`, which waits, its mappings, and what it could not take itself
// in there: limits above the hard ones, and its OOM score.
void set_up_user_namespace(pid_t pid, const ContainerSpec& spec);
void set_limits_from_outside(pid_t pid, const Process& process);

// Pipes of ours become the namespace's root's, which else could not open /dev/stdout again.
void give_to_namespace_root(const std::array<int, 3>& stdio, const ContainerSpec& spec);

// runs in: the container's process, once the mappings are there.
void become_namespace_root();

}  // namespace ctr::runtime
