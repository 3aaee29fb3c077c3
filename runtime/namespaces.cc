#include "runtime/namespaces.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>

#include "runtime/sys/error.h"
#include "runtime/sys/file.h"
#include "runtime/user_namespace.h"

namespace ctr::runtime {

bool has_namespace(const ContainerSpec& spec, NamespaceKind kind) {
  return std::any_of(spec.namespaces.begin(), spec.namespaces.end(),
                     [&](const Namespace& n) { return n.kind == kind; });
}

bool makes_namespace(const ContainerSpec& spec, NamespaceKind kind) {
  return std::any_of(spec.namespaces.begin(), spec.namespaces.end(),
                     [&](const Namespace& n) { return n.kind == kind && n.path.empty(); });
}

sys::UniqueFd open_joined_namespace(const ContainerSpec& spec, NamespaceKind kind) {
  for (const Namespace& space : spec.namespaces)
    if (space.kind == kind && !space.path.empty())
      return sys::open_at(AT_FDCWD, space.path, O_RDONLY);
  return {};
}

unsigned namespace_flag(NamespaceKind kind) {
  switch (kind) {
    case NamespaceKind::mount:
      return CLONE_NEWNS;
    case NamespaceKind::pid:
      return CLONE_NEWPID;
    case NamespaceKind::network:
      return CLONE_NEWNET;
    case NamespaceKind::ipc:
      return CLONE_NEWIPC;
    case NamespaceKind::uts:
      return CLONE_NEWUTS;
    case NamespaceKind::cgroup:
      return CLONE_NEWCGROUP;
    case NamespaceKind::user:
      return CLONE_NEWUSER;
    case NamespaceKind::time:
      return 0x80;  // CLONE_NEWTIME
  }
  return 0;
}

// Before anything else: until it has its ids, the process owns nothing and may do nothing.
void enter_user_namespace(InitContext& context) {
  if (!makes_namespace(context.spec, NamespaceKind::user)) return;
  (void)context.channel.expect(Step::mapped);
  become_namespace_root();
}

// By unshare rather than by clone3, whose child would be in it at once: the offsets of a namespace in
// which there is a process cannot be changed any more.
void enter_time_namespace(InitContext& context) {
  if (!makes_namespace(context.spec, NamespaceKind::time)) return;
  const auto new_time = static_cast<int>(namespace_flag(NamespaceKind::time));
  sys::check(::unshare(new_time), "unshare the time namespace");
  std::string offsets;
  for (const auto& [clock, offset] : context.spec.time_offsets)
    offsets += fmt::format("{} {} {}\n", clock, offset.secs, offset.nanosecs);
  // In a user namespace our files in /proc belong to the host's root as long as we are not dumpable,
  // which the change of ids has made us. Nobody else is in the namespace yet.
  if (makes_namespace(context.spec, NamespaceKind::user))
    sys::check(::prctl(PR_SET_DUMPABLE, 1, 0, 0, 0), "prctl PR_SET_DUMPABLE");
  if (!offsets.empty()) sys::write_existing(AT_FDCWD, "/proc/self/timens_offsets", offsets);
  sys::UniqueFd made = sys::open_at(AT_FDCWD, "/proc/self/ns/time_for_children", O_RDONLY);
  sys::check(::setns(made.get(), new_time), "setns into the time namespace");
}

void enter_cgroup_namespace(InitContext& context) {
  // Not by clone3: its root would be the cgroup of the monitor, which we have left only now.
  if (makes_namespace(context.spec, NamespaceKind::cgroup))
    sys::check(::unshare(CLONE_NEWCGROUP), "unshare the cgroup namespace");
}

// Those with a path, but for two: the pid namespace was joined by the parent, since setns(2) moves only
// children, and into a user namespace we were born.
void join_namespaces(InitContext& context) {
  for (const Namespace& space : context.spec.namespaces) {
    if (space.path.empty() || space.kind == NamespaceKind::pid || space.kind == NamespaceKind::user)
      continue;
    sys::UniqueFd fd = sys::open_at(AT_FDCWD, space.path, O_RDONLY);
    sys::check(::setns(fd.get(), static_cast<int>(namespace_flag(space.kind))), "setns", space.path);
  }
}

void join_container_namespaces(InitContext& context) {
  // By the pidfd of the container's first process: it cannot be another process that took over the
  // number (attack E06). Of the pid namespace, only the process that we bear will be (birth.h).
  unsigned flags = 0;
  // Those that it has not of its own are its creator's, and perhaps not ours: a user without privileges has no right
  // to them, and to the container's only by way of its user namespace.
  const bool all = ::geteuid() == 0 || !has_namespace(context.spec, NamespaceKind::user);
  for (NamespaceKind kind : {NamespaceKind::mount, NamespaceKind::pid, NamespaceKind::network, NamespaceKind::ipc,
                             NamespaceKind::uts, NamespaceKind::cgroup})
    if (all || has_namespace(context.spec, kind)) flags |= namespace_flag(kind);
  for (NamespaceKind kind : {NamespaceKind::time, NamespaceKind::user})
    if (has_namespace(context.spec, kind)) flags |= namespace_flag(kind);
  const int joined = ::setns(context.container_pidfd, static_cast<int>(flags));
  if (joined < 0 && errno == ESRCH)  // it has just ended
    throw LaunchError(sys::ErrorKind::conflict, "join the container",
                      "the container is not running", 126);
  sys::check(joined, "setns into the container");
  if (has_namespace(context.spec, NamespaceKind::user)) become_namespace_root();
}

}  // namespace ctr::runtime
