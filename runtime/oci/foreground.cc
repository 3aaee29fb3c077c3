#include "runtime/oci/foreground.h"

#include <poll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <optional>

#include "runtime/oci/terminal_relay.h"
#include "runtime/sys/error.h"

namespace ctr::runtime::oci {

namespace {

// All children that ended but for the process itself, whose end is wanted.
void reap_orphans(pid_t process) {
  while (true) {
    siginfo_t info{};
    if (::waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) < 0 || info.si_pid == 0 ||
        info.si_pid == process)
      return;
    ::waitpid(info.si_pid, nullptr, WNOHANG);
  }
}

}  // namespace

Foreground::Foreground(bool reaps_orphans) {
  sigset_t all;
  sigfillset(&all);
  sys::check(::sigprocmask(SIG_SETMASK, &all, &old_mask_), "sigprocmask");
  signals_.reset(sys::check(::signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK), "signalfd"));
  if (reaps_orphans)
    sys::check(::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), "prctl PR_SET_CHILD_SUBREAPER");
}

Foreground::~Foreground() { ::sigprocmask(SIG_SETMASK, &old_mask_, nullptr); }

int Foreground::take_signal(const sys::Process& process) {
  signalfd_siginfo info{};
  if (::read(signals_.get(), &info, sizeof info) != sizeof info) return 0;
  if (info.ssi_signo != SIGCHLD) return static_cast<int>(info.ssi_signo);
  reap_orphans(process.pid());
  return 0;
}

sys::ExitStatus Foreground::wait_for(sys::Process& process, sys::UniqueFd terminal) {
  std::optional<TerminalRelay> relay;
  if (terminal) relay.emplace(std::move(terminal));
  pollfd items[4] = {{process.pidfd(), POLLIN, 0}, {signals_.get(), POLLIN, 0}, {-1, 0, 0}, {-1, 0, 0}};
  auto& [ended, signalled, input, output] = items;
  while (ended.revents == 0) {
    if (relay) relay->watch(input, output);
    sys::check(sys::retry_on_signal([&] { return ::poll(items, 4, -1); }), "poll");
    const int number = signalled.revents != 0 ? take_signal(process) : 0;
    if (number == SIGWINCH && relay)
      relay->copy_size();
    else if (number != 0)
      (void)process.signal(number);
    if (relay) relay->copy(input, output);
  }
  const sys::ExitStatus status = process.wait();
  if (relay) relay->drain();
  reap_orphans(process.pid());
  return status;
}

}  // namespace ctr::runtime::oci
