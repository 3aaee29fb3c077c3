// Spawned by ctrd for one container, with descriptor 3 to talk to it. Its arguments only hold the place
// for what ps(1) shows once the daemon has said whose monitor this is.
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>

#include "runtime/monitor/assignment.h"
#include "runtime/monitor/monitor.h"

namespace {

constexpr int daemon_descriptor = 3;

// The container dies of a lack of memory before whoever tells its end. Without CAP_SYS_RESOURCE the
// kernel does not allow it, and we are as killable as the container.
void prefer_others_to_be_killed() {
  ctr::sys::UniqueFd file(::open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC));
  if (file) (void)!::write(file.get(), "-999", 4);
}

// We were executed through a descriptor's number, which would be our name in ps(1) otherwise.
void set_name(const char* name) { ::prctl(PR_SET_NAME, name, 0, 0, 0); }

void prepare_process() {
  set_name("ctr-spare");
  ::umask(0022);
  prefer_others_to_be_killed();
  for (int number : {SIGPIPE, SIGHUP, SIGINT}) ::signal(number, SIG_IGN);
  // Small blocks go back to the kernel early: there is one of us for each container.
  ::mallopt(M_TRIM_THRESHOLD, 64 * 1024);
  ::mallopt(M_TOP_PAD, 16 * 1024);
}

int run_monitor(int count, char** arguments, ctr::sys::UniqueFd daemon) {
  using namespace ctr::runtime;
  CgroupLayout layout = detect_layout();  // while nobody waits
  ctr::sys::MessageReader reader;
  std::optional<Assignment> assignment = receive_assignment(daemon.get(), reader);
  if (!assignment) return 0;  // the daemon ended, and we were not needed
  set_name("ctr-monitor");
  set_command_line(count, arguments, assignment->program, assignment->directory);
  Monitor monitor(std::move(*assignment), std::move(layout), std::move(daemon), std::move(reader));
  return monitor.run();
}

}  // namespace

int main(int count, char** arguments) {
  if (count == 2 && std::strcmp(arguments[1], "--version") == 0) {
    std::printf("ctr-monitor version %s\n", CTR_VERSION);
    return 0;
  }
  if (count != 2 || ::fcntl(daemon_descriptor, F_GETFD) < 0) {
    std::fprintf(stderr,
                 "ctr-monitor is started by ctrd, once for each container; see ctr-monitor(8).\n");
    return 2;
  }
  try {
    prepare_process();
    return run_monitor(count, arguments, ctr::sys::UniqueFd(daemon_descriptor));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "ctr-monitor: %s\n", error.what());
    return 1;
  }
}
