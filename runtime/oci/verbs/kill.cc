#include <signal.h>

#include "runtime/oci/container.h"
#include "runtime/oci/invocation.h"
#include "runtime/oci/signal_name.h"

namespace ctr::runtime::oci {

namespace {

// A frozen process of cgroup v1 takes its SIGKILL only when it runs again.
void let_die(const Cgroup& cgroup, int number) {
  if (number == SIGKILL && cgroup.is_frozen()) cgroup.thaw();
}

// A container that has ended has nobody left to signal: that is what was wanted.
void signal_all(const std::optional<Cgroup>& cgroup, int number) {
  if (!cgroup) return;
  if (number == SIGKILL) return cgroup->kill_all();
  for (pid_t pid : cgroup->pids()) ::kill(pid, number);
}

}  // namespace

int run_kill(const Invocation& invocation) {
  bool all = false;
  Options options;
  options.flag("-a,--all", all, "to every process of the container");
  const std::vector<std::string> operands = invocation.parse(options, 1, 2);
  const int number = operands.size() == 2 ? parse_signal_name(operands[1]) : SIGTERM;
  const Container container =
      Container::open(invocation.globals.root, operands[0], Access::look);
  const std::optional<Cgroup> cgroup = container.find_cgroup();
  if (all) return signal_all(cgroup, number), 0;
  if (container.has_ended() || !container.init()->signal(number))
    throw sys::Error(sys::ErrorKind::conflict, "container not running");
  if (!cgroup) return 0;
  // In the host's pid namespace nobody else ends what the first process leaves behind.
  if (number == SIGKILL && !container.record().own_pid_namespace) cgroup->kill_all();
  let_die(*cgroup, number);
  return 0;
}

}  // namespace ctr::runtime::oci
