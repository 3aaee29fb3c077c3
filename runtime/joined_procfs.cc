#include "runtime/joined_procfs.h"

#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/launch_channel.h"
#include "runtime/security/capabilities.h"
#include "runtime/sys/error.h"
#include "runtime/sys/file.h"
#include "runtime/sys/mount.h"

namespace ctr::runtime {

namespace {

constexpr id_t nobody = 65534;

// fork(2), by the bare call as everywhere here.
pid_t fork_process() {
  return static_cast<pid_t>(sys::check(::syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0), "clone"));
}

void wait_for(pid_t child) {
  (void)sys::retry_on_signal([&] { return ::waitpid(child, nullptr, 0); });
}

void close_all_but(int kept) {
  const auto number = static_cast<unsigned>(kept);
  if (number > 0) sys::check(::syscall(SYS_close_range, 0, number - 1, 0), "close_range");
  sys::check(::syscall(SYS_close_range, number + 1, ~0u, 0), "close_range");
}

// The capability to make the namespaces outlives the change of ids, and is gone with the first of them.
void become_nobody(int root) {
  keep_capabilities(true);
  sys::check(::setgroups(0, nullptr), "setgroups");
  sys::check(::setresgid(nobody, nobody, nobody), "setresgid");
  sys::check(::setresuid(nobody, nobody, nobody), "setresuid");
  keep_capabilities(false);
  set_capabilities({.bounding = all_capabilities, .effective = all_capabilities, .permitted = all_capabilities});
  sys::check(::unshare(CLONE_NEWUSER | CLONE_NEWNS), "unshare the user namespace");
  sys::check(::fchdir(root), "chdir to the root file system");
  sys::check(::chroot("."), "chroot");
}

void open_inside(const LaunchChannel& channel) {
  const pid_t child = fork_process();
  if (child != 0) return wait_for(child);
  channel.send(Step::filesystem, sys::open_filesystem("proc").get());
  ::_exit(0);
}

[[noreturn]] void ask(int pid_namespace, int root, const LaunchChannel& channel) noexcept {
  try {
    sys::check(::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0), "prctl PR_SET_DUMPABLE");
    sys::check(::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0), "prctl PR_SET_PDEATHSIG");
    sys::check(::setns(pid_namespace, CLONE_NEWPID), "setns into the pid namespace");
    become_nobody(root);
    close_all_but(channel.descriptor());
    open_inside(channel);
  } catch (const std::exception& error) {
    channel.send_failure("join the pid namespace", sys::Error(sys::ErrorKind::internal, error.what()),
                         engine_failed);
  }
  ::_exit(0);
}

}  // namespace

sys::UniqueFd open_joined_procfs(int pid_namespace, int root) {
  auto [ours, theirs] = make_launch_channel();
  const pid_t child = fork_process();
  if (child == 0) {
    { LaunchChannel closed = std::move(ours); }
    ask(pid_namespace, root, theirs);
  }
  { LaunchChannel closed = std::move(theirs); }
  struct Reaper {
    pid_t child;
    ~Reaper() { wait_for(child); }
  } reaper{child};
  return ours.expect(Step::filesystem);
}

}  // namespace ctr::runtime
