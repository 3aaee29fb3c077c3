#include "runtime/oci/creation.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>


#include "runtime/namespaces.h"
#include "runtime/oci/config.h"
#include "runtime/oci/rootless.h"
#include "runtime/oci/systemd_scope.h"
#include "runtime/security/seccomp_compiler.h"
#include "runtime/sys/file.h"
#include "runtime/sys/socket.h"
#include "runtime/sys/timestamp.h"

namespace ctr::runtime::oci {

namespace {

using sys::Error;
using sys::ErrorKind;

void check_rootfs(const std::string& path) {
  if (!sys::find_at(AT_FDCWD, path, O_PATH | O_DIRECTORY))
    throw Error(ErrorKind::invalid_argument,
                fmt::format("config.json: root.path: invalid rootfs: '{}' is not a directory", path));
}

ContainerRecord make_record(const ContainerSpec& spec, const Bundle& bundle, const std::string& id) {
  ContainerRecord record;
  record.id = id;
  record.bundle = bundle.directory;
  record.rootfs = spec.root.path;
  record.created = sys::format_timestamp(sys::now());
  record.owner = ::geteuid();
  record.own_pid_namespace = makes_namespace(spec, NamespaceKind::pid);
  record.annotations = spec.annotations;
  return record;
}

// systemd's protocol for sockets that are passed on (sd_listen_fds(3)).
void tell_of_listening(ContainerSpec& spec, const Inherited& inherited) {
  if (inherited.listen_count == 0) return;
  spec.process.env.push_back(fmt::format("LISTEN_FDS={}", inherited.listen_count));
  spec.process.env.push_back("LISTEN_PID=1");
}

}  // namespace

void CreationOptions::declare(Options& options) {
  options.text("-b,--bundle", bundle, "DIRECTORY",
               "where config.json and the root file system lie (default: here)");
  options.text("-f,--config", config, "FILE", "another file than the bundle's config.json");
  options.text("--console-socket", console_socket, "SOCKET",
               "who listens there is given the terminal");
  options.text("--pid-file", pid_file, "FILE", "where the process id is written");
  options.text("--pidfd-socket", pidfd_socket, "SOCKET",
               "who listens there is given a pidfd of the process");
  options.number("--preserve-fds", preserved_descriptors, "N",
                 "let the process have descriptors 3 to 2+N of the caller");
  options.flag("--no-pivot", no_pivot, "move the root mount instead of pivot_root(2): for a ramdisk");
  options.flag("--no-new-keyring", no_new_keyring, "keep the caller's session keyring");
}

void check_console(bool terminal, bool detached, const std::string& console_socket) {
  if (terminal && detached && console_socket.empty())
    throw Error(ErrorKind::invalid_argument,
                "cannot allocate tty if ctr-runtime will detach without setting console socket: "
                "give --console-socket");
  if (!console_socket.empty() && !terminal)
    throw Error(ErrorKind::invalid_argument,
                "cannot use console socket if the process has no terminal: set process.terminal");
}

sys::UniqueFd hand_over_terminal(sys::UniqueFd terminal, const std::string& console_socket) {
  if (console_socket.empty() || !terminal) return terminal;
  int number = 0;
  sys::check(::ioctl(terminal.get(), TIOCGPTN, &number), "ioctl TIOCGPTN");
  send_descriptor(console_socket, terminal.get(), fmt::format("/dev/pts/{}", number));
  return {};
}

std::optional<CompiledFilter> compile_filter(const ContainerSpec& spec) {
  if (!spec.seccomp.compiled_path.empty())
    return read_filter(spec.seccomp.compiled_path, spec.seccomp.filter_flags);
  if (!spec.seccomp.profile) return std::nullopt;
  return compile_profile(*spec.seccomp.profile);
}

void PreparedContainer::release() {
  pending.cgroup.release();
  directory.keep();
}

PreparedContainer prepare_container(const Invocation& invocation, const std::string& id,
                                    const CreationOptions& options, const Inherited& inherited,
                                    Starter starter, bool detached) {
  check_container_id(id);
  const Bundle bundle = read_bundle(options.bundle, options.config);
  ContainerSpec spec = plan_container(bundle);
  check_machine(spec);
  const bool by_systemd = invocation.globals.systemd_cgroup;
  const ScopeName scope_name = by_systemd ? plan_scope_name(spec.cgroup_path, id) : ScopeName();
  if (!by_systemd) spec.cgroup_path = plan_cgroup_path(spec.cgroup_path, id);
  check_rootfs(spec.root.path);
  check_console(spec.process.terminal, detached, options.console_socket);
  tell_of_listening(spec, inherited);
  const std::optional<CompiledFilter> filter = compile_filter(spec);
  const CgroupLayout layout = detect_layout();

  ContainerDirectory directory = ContainerDirectory::create(invocation.globals.root, id);
  directory.write_config(bundle.text);
  ContainerRecord record = make_record(spec, bundle, id);
  if (!by_systemd) record.cgroup_path = spec.cgroup_path;
  // With the cgroup's name before there is a cgroup: whatever kills us, delete finds all of it. A scope
  // goes by itself.
  directory.write_record(record);
  sys::UniqueFd listener;
  std::optional<SystemdScope> scope;
  if (by_systemd) {
    scope = SystemdScope::start(scope_name, spec);
    spec.cgroup_path = record.cgroup_path = scope->cgroup_path();
    record.scope = scope_name.unit;
    directory.write_record(record);
  }
  if (starter == Starter::later)
    listener = sys::listen_unix(directory.start_socket(), 0600, SOCK_SEQPACKET);

  const HookState hooks{record.id, record.bundle};
  PendingContainer pending = launch(spec, {.cgroup_layout = layout,
                                           .stdio = {0, 1, 2},
                                           .filter = filter ? &*filter : nullptr,
                                           .outlives_launcher = true,
                                           .start_listener = listener.get(),
                                           .preserved_descriptors = inherited.count,
                                           .new_keyring = !options.no_new_keyring,
                                           .hooks = &hooks,
                                           .existing_cgroup =
                                               scope ? ExistingCgroup::adopted_with_processes
                                                     : ExistingCgroup::adopted,
                                           .forbidden_tree = is_rootless(invocation.globals.rootless)
                                                                 ? ForbiddenTree::left_out
                                                                 : ForbiddenTree::refused});
  scope.reset();
  sys::UniqueFd terminal =
      hand_over_terminal(pending.init.take_terminal(), options.console_socket);
  record.pid = pending.init.process().pid();
  record.start_time = sys::find_start_time(record.pid).value_or(0);
  directory.write_record(record);
  if (!options.pidfd_socket.empty())
    send_descriptor(options.pidfd_socket, pending.init.process().pidfd(), "pidfd");
  return {std::move(directory), std::move(pending), std::move(terminal), record.own_pid_namespace};
}

}  // namespace ctr::runtime::oci
