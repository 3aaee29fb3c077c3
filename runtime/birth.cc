#include "runtime/birth.h"

#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>

#include "runtime/security/filter_verdict.h"
#include "runtime/terminal.h"

namespace ctr::runtime {

namespace {

// The launcher's child: it reaps it, and its signal at the end is the one that ours would have been.
constexpr uint64_t birth_flags = CLONE_PARENT | CLONE_PIDFD;

// What of a birth is done below the filter, if that is loaded before.
bool lets_be_born(const CompiledFilter& filter) {
  const auto allows = [&](long number, std::array<uint64_t, 6> arguments = {}) {
    return filter_allows(filter, {static_cast<uint32_t>(number), arguments});
  };
  return allows(SYS_clone, {birth_flags}) && allows(SYS_setsid) &&
         allows(SYS_ioctl, {0, TIOCSCTTY}) && allows(SYS_sendmsg) && allows(SYS_recvmsg);
}

bool must_be_early(const InitContext& context) {
  if (context.process.scheduler) return true;
  const bool filtered = context.filter != nullptr && !context.process.no_new_privileges;
  return filtered && !lets_be_born(*context.filter);
}

// fork(2), but by the bare call: clone3 is refused by Docker's profile.
pid_t clone_sibling(int& pidfd) {
  return static_cast<pid_t>(
      sys::check(::syscall(SYS_clone, birth_flags, nullptr, &pidfd, nullptr, nullptr), "clone"));
}

// What a child does not inherit.
void begin_session_again(const InitContext& context) {
  sys::check(::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0), "prctl PR_SET_PDEATHSIG");
  sys::check(::setsid(), "setsid");
  if (context.process.terminal) control_terminal(STDIN_FILENO);
}

}  // namespace

void choose_birthplace(InitContext& context) {
  if (!context.pid_namespace) return;
  sys::check(::setns(context.pid_namespace.get(), CLONE_NEWPID), "setns into the pid namespace");
  context.pid_namespace.reset();
}

void be_born(InitContext& context) {
  if (!context.born_last || std::exchange(context.born, true)) return;
  int pidfd = -1;
  if (clone_sibling(pidfd) == 0) {
    (void)context.channel.expect(Step::known);
    return begin_session_again(context);
  }
  context.channel.send(Step::born, pidfd);
  ::_exit(0);
}

void be_born_early(InitContext& context) {
  if (must_be_early(context)) be_born(context);
}

}  // namespace ctr::runtime
