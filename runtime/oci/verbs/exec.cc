#include <algorithm>

#include "runtime/oci/config.h"
#include "runtime/oci/container.h"
#include "runtime/oci/creation.h"
#include "runtime/oci/exec_process.h"
#include "runtime/oci/foreground.h"
#include "runtime/oci/handover.h"
#include "runtime/oci/rootless.h"
#include "runtime/spec_json.h"
#include "runtime/sys/file.h"

namespace ctr::runtime::oci {

namespace {

using sys::Error;
using sys::ErrorKind;

constexpr size_t process_limit = 16 << 20;

struct Chosen {
  ExecOptions process;
  std::string console_socket;
  std::string pid_file;
  std::string pidfd_socket;
  std::vector<std::string> cgroups;
  std::optional<int64_t> preserved_descriptors;
  bool detach = false;
  bool ignore_paused = false;
  bool no_subreaper = false;

  void declare(Options& options) {
    process.declare(options);
    options.flag("-d,--detach", detach, "return when the process runs");
    options.text("--console-socket", console_socket, "SOCKET",
                 "who listens there is given the terminal");
    options.text("--pid-file", pid_file, "FILE", "where the process id is written");
    options.text("--pidfd-socket", pidfd_socket, "SOCKET",
                 "who listens there is given a pidfd of the process");
    options.number("--preserve-fds", preserved_descriptors, "N",
                   "let the process have descriptors 3 to 2+N of the caller");
    options.list("--cgroup", cgroups, "[CONTROLLER,...:]PATH",
                 "run it in a cgroup below the container's, which must exist");
    options.flag("--ignore-paused", ignore_paused, "also while the container is paused");
    options.flag("--no-subreaper", no_subreaper, "leave orphaned processes to somebody else");
    options.end_at_operand();
  }
};

void expect_running(const Container& container, bool ignore_paused) {
  const Status status = container.status();
  if (status == Status::stopped || status == Status::creating)
    throw Error(ErrorKind::conflict,
                fmt::format("cannot exec in a {} container", status_name(status)));
  if (status == Status::paused && !ignore_paused)
    throw Error(ErrorKind::conflict,
                "cannot exec in a paused container (use --ignore-paused to override)");
}

bool names_controller(const std::string& list, const Hierarchy& hierarchy) {
  for (size_t begin = 0; begin <= list.size();) {
    const size_t end = std::min(list.find(',', begin), list.size());
    if (hierarchy.has(list.substr(begin, end - begin))) return true;
    begin = end + 1;
  }
  return false;
}

// "/sub" in all trees, "memory,cpu:/sub" in the trees of these controllers.
void move_into(const std::string& choice, const std::string& container_cgroup,
               CgroupLayout layout, pid_t pid) {
  const size_t colon = choice.find(':');
  const std::string path =
      container_cgroup + "/" + (colon == std::string::npos ? choice : choice.substr(colon + 1));
  if (colon != std::string::npos) {
    const std::string controllers = choice.substr(0, colon);
    std::erase_if(layout.hierarchies, [&](const Hierarchy& hierarchy) {
      return !names_controller(controllers, hierarchy);
    });
  }
  Cgroup::open(layout, path).attach(pid);
}

// Only who could not make one for the container does without (attack E07).
Cgroup open_cgroup(const Container& container, bool rootless) {
  if (rootless && !container.has_ended()) {
    std::optional<Cgroup> cgroup = container.find_cgroup();
    if (!cgroup) return {};
  }
  return container.open_cgroup_of_running();
}

std::optional<std::string> read_process_file(const std::string& path) {
  if (path.empty()) return std::nullopt;
  return sys::read_file(path, process_limit);
}

}  // namespace

int run_exec(const Invocation& invocation) {
  Chosen chosen;
  Options options;
  chosen.declare(options);
  std::vector<std::string> args = invocation.parse(options, 1, SIZE_MAX);
  const std::string id = args[0];
  args.erase(args.begin());

  const Inherited inherited =
      take_inherited_descriptors(chosen.preserved_descriptors.value_or(0));
  const Container container = Container::open(invocation.globals.root, id, Access::look);
  expect_running(container, chosen.ignore_paused);
  ContainerSpec spec = parse_spec(container.directory().read_config());
  complete_config(spec, container.record().bundle);
  const Process process = plan_exec(spec.process, chosen.process,
                                    read_process_file(chosen.process.process_file), args);
  check_console(process.terminal, chosen.detach, chosen.console_socket);
  const std::optional<CompiledFilter> filter = compile_filter(spec);
  const CgroupLayout layout = detect_layout();
  const Cgroup cgroup = open_cgroup(container, is_rootless(invocation.globals.rootless));

  std::optional<Foreground> foreground;
  if (!chosen.detach) foreground.emplace(!chosen.no_subreaper);
  PendingProcess pending =
      launch_exec(spec, process, *container.init(), cgroup,
                  {.cgroup_layout = layout,
                   .stdio = {0, 1, 2},
                   .filter = filter ? &*filter : nullptr,
                   .outlives_launcher = true,
                   .preserved_descriptors = inherited.count});
  const pid_t pid = pending.process().pid();
  for (const std::string& choice : chosen.cgroups)
    move_into(choice, container.record().cgroup_path, layout, pid);
  sys::UniqueFd terminal = hand_over_terminal(pending.take_terminal(), chosen.console_socket);
  if (!chosen.pidfd_socket.empty())
    send_descriptor(chosen.pidfd_socket, pending.process().pidfd(), "pidfd");
  PidFile pid_file(chosen.pid_file, pid);
  sys::Process running = pending.start();
  pid_file.keep();
  if (chosen.detach) return 0;
  return foreground->wait_for(running, std::move(terminal)).exit_code();
}

}  // namespace ctr::runtime::oci
