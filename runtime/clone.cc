#include "runtime/clone.h"

#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "runtime/launch_channel.h"
#include "runtime/namespaces.h"
#include "runtime/sys/error.h"
#include "runtime/sys/process.h"
#include "runtime/user_namespace.h"

namespace ctr::runtime {

namespace {

// The others: see "enter the time namespace" and "enter the cgroup namespace".
bool is_made_by_clone(NamespaceKind kind) {
  return kind != NamespaceKind::time && kind != NamespaceKind::cgroup;
}

long clone_with(clone_args& arguments, int& pidfd) {
  arguments.flags |= CLONE_PIDFD;
  arguments.pidfd = reinterpret_cast<uint64_t>(&pidfd);
  return ::syscall(SYS_clone3, &arguments, sizeof arguments);
}

// The process in between. Returns in its child only.
void bear_child(int user_namespace, uint64_t flags, const std::vector<Cgroup::Entry>& entries,
                LaunchChannel& channel) {
  try {
    // Nobody in the namespace may look into what is still the host's process.
    sys::check(::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0), "prctl PR_SET_DUMPABLE");
    Cgroup::enter(entries);
    sys::check(::setns(user_namespace, CLONE_NEWUSER), "setns into the user namespace");
    become_namespace_root();
    clone_args arguments{};
    arguments.flags = flags | CLONE_PARENT;  // its signal at the end is ours
    int pidfd = -1;
    const long pid = sys::check(clone_with(arguments, pidfd), "clone3");
    if (pid == 0) return;
    channel.send(Step::born, pidfd);
  } catch (const sys::Error& error) {
    channel.send_failure("join the user namespace", error, engine_failed);
  }
  ::_exit(0);
}

}  // namespace

uint64_t plan_clone_flags(const ContainerSpec& spec) {
  uint64_t flags = 0;
  for (const Namespace& space : spec.namespaces)
    if (space.path.empty() && is_made_by_clone(space.kind)) flags |= namespace_flag(space.kind);
  return flags;
}

Cloned clone_process(uint64_t flags, int cgroup) {
  int pidfd = -1;
  clone_args arguments{};
  arguments.flags = flags;
  arguments.exit_signal = SIGCHLD;
  if (cgroup >= 0) {
    arguments.flags |= CLONE_INTO_CGROUP;
    arguments.cgroup = static_cast<uint64_t>(cgroup);
  }
  long pid = clone_with(arguments, pidfd);
  if (pid < 0 && errno == EBUSY && cgroup >= 0) {
    // A container that makes cgroups of its own (systemd) may have no processes in the one above
    // them: the caller finds the place.
    arguments.flags &= ~uint64_t{CLONE_INTO_CGROUP};
    pid = clone_with(arguments, pidfd);
  }
  sys::check(pid, "clone3");
  bool in_cgroup = (arguments.flags & CLONE_INTO_CGROUP) != 0;
  if (pid == 0) return {0, {}, in_cgroup};
  return {static_cast<pid_t>(pid), sys::UniqueFd(pidfd), in_cgroup};
}

Cloned clone_into_user_namespace(int user_namespace, uint64_t flags, int cgroup,
                                 const std::vector<Cgroup::Entry>& entries) {
  auto [ours, theirs] = make_launch_channel();
  Cloned between = clone_process(0, cgroup);
  if (between.pid == 0) {
    { LaunchChannel closed = std::move(ours); }
    bear_child(user_namespace, flags, entries, theirs);
    return {0, {}, between.in_cgroup};
  }
  { LaunchChannel closed = std::move(theirs); }
  sys::Process process(between.pid, std::move(between.pidfd));
  // It ends by itself, whatever comes of it.
  struct Reaper {
    sys::Process& process;
    ~Reaper() { (void)process.wait(); }
  } reaper{process};
  sys::UniqueFd pidfd = ours.expect(Step::born);
  // The number that it has here: the process in between may see another one.
  const pid_t pid = sys::pid_of(pidfd.get());
  return {pid, std::move(pidfd), between.in_cgroup};
}

}  // namespace ctr::runtime
