#include "daemon/process_setup.h"

#include <malloc.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>

#include "runtime/sys/error.h"
#include "runtime/sys/unique_fd.h"

namespace ctr::daemon {

namespace {

sigset_t stop_signals() {
  sigset_t set;
  ::sigemptyset(&set);
  for (int number : {SIGTERM, SIGINT, SIGHUP}) ::sigaddset(&set, number);
  return set;
}

void raise_descriptor_limit() {
  rlimit limit{};
  sys::check(::getrlimit(RLIMIT_NOFILE, &limit), "getrlimit");
  limit.rlim_cur = limit.rlim_max;
  sys::check(::setrlimit(RLIMIT_NOFILE, &limit), "setrlimit");
}

}  // namespace

void set_up_process() {
  sys::check(::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0), "prctl PR_SET_DUMPABLE");
  ::umask(0022);
  ::signal(SIGPIPE, SIG_IGN);
  sigset_t signals = stop_signals();
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  raise_descriptor_limit();
  // A thread a connection must not mean an arena a connection: each keeps megabytes for ever. Large
  // buffers come from mmap(2) and go back at once.
  ::mallopt(M_ARENA_MAX, 2);
  ::mallopt(M_MMAP_THRESHOLD, 128 << 10);
  ::mallopt(M_TRIM_THRESHOLD, 256 << 10);
}

void expect_root() {
  if (::geteuid() == 0) return;
  throw sys::Error(sys::ErrorKind::forbidden,
                   "ctrd needs root, to make namespaces, mounts and cgroups: run it with sudo");
}

std::string wait_for_stop(const std::function<void()>& on_hangup) {
  sigset_t signals = stop_signals();
  while (true) {
    int number = 0;
    if (::sigwait(&signals, &number) != 0) continue;
    if (number != SIGHUP) return number == SIGTERM ? "SIGTERM" : "SIGINT";
    on_hangup();
  }
}

void notify_systemd(const std::string& state) {
  const char* path = std::getenv("NOTIFY_SOCKET");
  if (path == nullptr || (path[0] != '/' && path[0] != '@')) return;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  size_t length = std::strlen(path);
  if (length >= sizeof address.sun_path) return;
  std::memcpy(address.sun_path, path, length);
  if (path[0] == '@') address.sun_path[0] = '\0';
  sys::UniqueFd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  // Not being heard is no reason to fail: systemd has its own timeout.
  (void)::sendto(socket.get(), state.data(), state.size(), MSG_NOSIGNAL,
                 reinterpret_cast<const sockaddr*>(&address),
                 static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + length));
}

}  // namespace ctr::daemon
