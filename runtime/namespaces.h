// Namespaces as a specification lists them (namespaces(7)), and the stages of init that enter them one by
// one; the others are made by the clone (clone.h).
#pragma once

#include "runtime/init_context.h"
#include "runtime/spec.h"

namespace ctr::runtime {

// Its own, or one that it joins.
bool has_namespace(const ContainerSpec& spec, NamespaceKind kind);
bool makes_namespace(const ContainerSpec& spec, NamespaceKind kind);

// Of one that it joins, the namespace; an empty descriptor if it joins none of that kind.
sys::UniqueFd open_joined_namespace(const ContainerSpec& spec, NamespaceKind kind);

// CLONE_NEW…
unsigned namespace_flag(NamespaceKind kind);

// runs in: the container's first process.
void enter_user_namespace(InitContext& context);
void enter_time_namespace(InitContext& context);
void enter_cgroup_namespace(InitContext& context);
void join_namespaces(InitContext& context);
// runs in: an exec. All of the container's at once.
void join_container_namespaces(InitContext& context);

}  // namespace ctr::runtime
