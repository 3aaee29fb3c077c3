#include "runtime/launch.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <unistd.h>

#include "runtime/clone.h"
#include "runtime/init.h"
#include "runtime/network/moved_devices.h"
#include "runtime/sys/file.h"
#include "runtime/sys/socket.h"
#include "runtime/namespaces.h"
#include "runtime/user_namespace.h"

namespace ctr::runtime {

namespace {

constexpr int exec_patience = 10'000;  // milliseconds

// A pid namespace to join. The first process comes into it last (birth.h); but where it has a user namespace it may
// have no right to, so that it is born in there: ours stays, our next children are (setns(2)).
void join_pid_namespace(InitContext& context) {
  context.pid_namespace = open_joined_namespace(context.spec, NamespaceKind::pid);
  context.born_last = context.pid_namespace && !has_namespace(context.spec, NamespaceKind::user);
  if (!context.pid_namespace || context.born_last) return;
  sys::check(::setns(context.pid_namespace.get(), CLONE_NEWPID), "setns into the pid namespace");
  context.pid_namespace.reset();
}

// After the clone each side closes the other's end of the channel: only so does a death show as an
// end of file. In the child, `context.channel` stays the init end.
template <class Run>
PendingProcess clone_and_run(uint64_t flags, const Cgroup& cgroup, InitContext& context,
                             std::pair<LaunchChannel, LaunchChannel>& channel, Run run,
                             const sys::UniqueFd& joined_user_namespace = {}) {
  context.cgroup_entries = cgroup.open_entries();
  Cloned child = joined_user_namespace
                     ? clone_into_user_namespace(joined_user_namespace.get(), flags,
                                                 cgroup.clone_fd(), context.cgroup_entries)
                     : clone_process(flags, cgroup.clone_fd());
  if (child.pid == 0) {
    if (joined_user_namespace) context.cgroup_entries.clear();
    { LaunchChannel closed = std::move(channel.first); }
    run(context);
  }
  { LaunchChannel closed = std::move(channel.second); }
  PendingProcess pending(sys::Process(child.pid, std::move(child.pidfd)), std::move(channel.first));
  if ((flags & CLONE_NEWUSER) != 0) {
    set_up_user_namespace(child.pid, context.spec);
    pending.channel().send(Step::mapped);
  } else if (has_namespace(context.spec, NamespaceKind::user)) {
    set_limits_from_outside(child.pid, context.process);
  }
  if (!child.in_cgroup) cgroup.attach_unified(child.pid);
  pending.channel().send(Step::host_ready);
  return pending;
}

void move_devices(const ContainerSpec& spec, pid_t init) {
  if (spec.network_devices.empty()) return;
  NetworkNamespace target{.pid = init, .fd = -1};
  const sys::UniqueFd joined = open_joined_namespace(spec, NamespaceKind::network);
  if (joined) target.fd = joined.get();
  move_network_devices(spec.network_devices, target);
}

void mark(const LaunchOptions& options, const char* name) {
  if (options.timeline != nullptr) options.timeline->mark(name);
}

void take_options(InitContext& context, const LaunchOptions& options) {
  context.cgroup_layout = &options.cgroup_layout;
  context.filter = options.filter;
  context.stdio = options.stdio;
  context.outlives_launcher = options.outlives_launcher;
  context.start_listener = options.start_listener;
  context.preserved_descriptors = options.preserved_descriptors;
  context.new_keyring = options.new_keyring;
  context.hooks = options.hooks;
  if (has_namespace(context.spec, NamespaceKind::user)) give_to_namespace_root(options.stdio, context.spec);
}

void connect_network(PendingProcess& init, const ContainerSpec& spec) {
  try {
    move_devices(spec, init.process().pid());
    if (!makes_namespace(spec, NamespaceKind::network)) return;
    connect_interfaces(spec.interfaces, {.pid = init.process().pid(), .fd = -1});
  } catch (const sys::Error& error) {
    // It has ended meanwhile: what it could not do is the reason, not that there is nobody to connect.
    if (error.error_number() == ESRCH) init.channel().throw_last_words();
    throw;
  }
  init.set_interfaces(spec.interfaces);
  init.channel().send(Step::network_ready);
}

bool has_host_hooks(const ContainerSpec& spec, const LaunchOptions& options) {
  return options.hooks != nullptr &&
         !(spec.hooks.prestart.empty() && spec.hooks.create_runtime.empty());
}

// When all is mounted, and before the container's process leaves the host's root.
void run_host_hooks(PendingProcess& init, const ContainerSpec& spec, const HookState& hooks) {
  init.channel().expect(Step::mounted);
  const std::string state =
      hook_state_json(spec, hooks, "creating", init.process().pid());
  run_hooks(spec.hooks.prestart, "prestart", state);
  run_hooks(spec.hooks.create_runtime, "createRuntime", state);
  init.channel().send(Step::hooks_done);
}

void finish_setup(PendingProcess& pending, bool terminal) {
  if (terminal) pending.set_terminal(pending.channel().expect(Step::terminal));
}

}  // namespace

PendingProcess::~PendingProcess() {
  if (!process_) return;
  try {
    process_.signal(SIGKILL);
    (void)process_.wait();
  } catch (const sys::Error&) {
    // Already reaped: nothing is left to undo.
  }
}

void PendingProcess::expect_birth() {
  sys::UniqueFd pidfd = channel_.expect(Step::born);
  const pid_t pid = sys::pid_of(pidfd.get());
  sys::Process before = std::exchange(process_, sys::Process(pid, std::move(pidfd)));
  channel_.send(Step::known);
  (void)before.wait();  // it ends by itself
}

void PendingProcess::prepare() {
  if (std::exchange(prepared_, true)) return;
  channel_.expect(Step::setup_done);
  await_interfaces(interfaces_);
}

sys::Process PendingProcess::start() {
  prepare();
  channel_.send(Step::start);
  channel_.expect_end();
  return std::move(process_);
}

sys::Process PendingProcess::detach() {
  prepare();
  channel_.send(Step::detach);
  channel_.expect_end();
  return std::move(process_);
}

void start_detached(const std::string& socket) {
  LaunchChannel channel(sys::connect_unix(socket, SOCK_SEQPACKET));
  channel.send(Step::start);
  channel.expect_end();
}

namespace {

// Until it is destroyed, of this process and of those that it clones.
class WorkingDirectory {
 public:
  WorkingDirectory() = default;
  explicit WorkingDirectory(const std::string& path)
      : before_(sys::open_at(AT_FDCWD, ".", O_PATH | O_DIRECTORY)) {
    sys::check(::chdir(path.c_str()), "chdir", path);
  }
  ~WorkingDirectory() {
    if (before_) (void)!::fchdir(before_.get());
  }
  WorkingDirectory(const WorkingDirectory&) = delete;
  WorkingDirectory& operator=(const WorkingDirectory&) = delete;

 private:
  sys::UniqueFd before_;
};

// See attach_given_root().
WorkingDirectory stand_where_root_goes(const InitContext& context) {
  if (!context.sources.root) return WorkingDirectory();
  const Root& root = context.spec.root;
  return WorkingDirectory(root.overlay ? root.overlay->upper : root.path);
}

}  // namespace

PendingContainer launch(const ContainerSpec& spec, const LaunchOptions& options) {
  Cgroup cgroup = Cgroup::create(options.cgroup_layout, spec.cgroup_path, spec.resources,
                                 options.existing_cgroup, options.forbidden_tree);
  mark(options, "launch: make the cgroup");
  std::pair<LaunchChannel, LaunchChannel> channel = make_launch_channel();
  InitContext context{.spec = spec, .process = spec.process, .channel = channel.second};
  take_options(context, options);
  context.timeline = options.timeline;
  context.sources = open_mount_sources(spec);
  const WorkingDirectory at_root = stand_where_root_goes(context);
  join_pid_namespace(context);
  PendingProcess init = clone_and_run(plan_clone_flags(spec), cgroup, context, channel, run_init,
                                      open_joined_namespace(spec, NamespaceKind::user));
  mark(options, "launch: clone into the cgroup");
  const bool hooked = has_host_hooks(spec, options);
  if (hooked) {
    finish_setup(init, spec.process.terminal);
    run_host_hooks(init, spec, *options.hooks);
  }
  connect_network(init, spec);
  mark(options, "launch: connect the network");
  if (!hooked) finish_setup(init, spec.process.terminal);
  if (context.born_last) init.expect_birth();
  return {std::move(cgroup), std::move(init)};
}

PendingProcess launch_exec(const ContainerSpec& spec, const Process& process,
                           const sys::Process& init, const Cgroup& cgroup,
                           const LaunchOptions& options) {
  std::pair<LaunchChannel, LaunchChannel> channel = make_launch_channel();
  channel.first.set_patience(exec_patience);
  InitContext context{.spec = spec, .process = process, .channel = channel.second};
  take_options(context, options);
  context.container_pidfd = init.pidfd();
  context.born_last = true;
  PendingProcess child = clone_and_run(0, cgroup, context, channel, run_exec);
  finish_setup(child, process.terminal);
  child.expect_birth();
  return child;
}

}  // namespace ctr::runtime
