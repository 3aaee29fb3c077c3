// ctr-monitor DIRECTORY: spawned by ctrd for one container, with descriptor 3 to talk to it.
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>

#include "runtime/monitor/monitor.h"

namespace {

constexpr int daemon_descriptor = 3;

// The container dies of a lack of memory before whoever tells its end. Without CAP_SYS_RESOURCE the
// kernel does not allow it, and we are as killable as the container.
void prefer_others_to_be_killed() {
  ctr::sys::UniqueFd file(::open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC));
  if (file) (void)!::write(file.get(), "-999", 4);
}

void prepare_process() {
  // We were executed through a descriptor's number, which would be our name in ps(1) otherwise.
  ::prctl(PR_SET_NAME, "ctr-monitor", 0, 0, 0);
  ::umask(0022);
  prefer_others_to_be_killed();
  for (int number : {SIGPIPE, SIGHUP, SIGINT}) ::signal(number, SIG_IGN);
  // Small blocks go back to the kernel early: there is one of us for each container.
  ::mallopt(M_TRIM_THRESHOLD, 64 * 1024);
  ::mallopt(M_TOP_PAD, 16 * 1024);
}

}  // namespace

int main(int count, char** arguments) {
  if (count == 2 && std::strcmp(arguments[1], "--version") == 0) {
    std::printf("ctr-monitor version %s\n", CTR_VERSION);
    return 0;
  }
  if (count != 2 || ::fcntl(daemon_descriptor, F_GETFD) < 0) {
    std::fprintf(stderr,
                 "usage: ctr-monitor DIRECTORY\n"
                 "ctr-monitor is started by ctrd, once for each container; see ctr-monitor(8).\n");
    return 2;
  }
  try {
    prepare_process();
    ctr::runtime::Monitor monitor(arguments[1], ctr::sys::UniqueFd(daemon_descriptor));
    return monitor.run();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "ctr-monitor: %s\n", error.what());
    return 1;
  }
}
