#include "runtime/init.h"

#include <fcntl.h>
#include <linux/keyctl.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <span>

#include "runtime/birth.h"
#include "runtime/command.h"
#include "runtime/devices.h"
#include "runtime/identity.h"
#include "runtime/namespaces.h"
#include "runtime/network/interfaces.h"
#include "runtime/protected_paths.h"
#include "runtime/root_filesystem.h"
#include "runtime/scheduling.h"
#include "runtime/security/capabilities.h"
#include "runtime/security/labels.h"
#include "runtime/security/rlimits.h"
#include "runtime/security/seccomp.h"
#include "runtime/sys/file.h"
#include "runtime/sys/mount.h"
#include "runtime/sys/path.h"
#include "runtime/sys/socket.h"
#include "runtime/terminal.h"

namespace ctr::runtime {

namespace {

struct Stage {
  const char* name;  // the prefix of its error, and its name in a start's timeline
  void (*run)(InitContext&);
};

// By the bare call: signal(2) refuses 32 and 33, which glibc keeps for its threads, and whose
// posix_spawn(3) had the monitor ignore them.
void restore_signal(int number) {
  constexpr std::array<unsigned long, 4> default_action{};  // the kernel's struct sigaction
  constexpr size_t mask_size = 8;
  (void)::syscall(SYS_rt_sigaction, number, default_action.data(), nullptr, mask_size);
}

// In its cgroup from here on: what it uses is counted and limited.
void enter_cgroup(InitContext& context) {
  Cgroup::enter(context.cgroup_entries);
  context.cgroup_entries.clear();
}

void take_initial_processors(InitContext& context) {
  if (context.process.exec_cpu_affinity && !context.process.exec_cpu_affinity->initial.empty())
    apply_affinity(context.process.exec_cpu_affinity->initial);
}

void set_scheduling(InitContext& context) {
  const Process& process = context.process;
  if (process.scheduler) apply_scheduler(*process.scheduler);
  if (process.io_priority) apply_io_priority(*process.io_priority);
  if (context.spec.memory_policy) apply_memory_policy(*context.spec.memory_policy);
  if (context.spec.personality) apply_personality(*context.spec.personality);
  const bool is_exec = context.container_pidfd >= 0;
  if (is_exec && process.exec_cpu_affinity && !process.exec_cpu_affinity->final.empty())
    apply_affinity(process.exec_cpu_affinity->final);
}

// For what is written about ourselves.
const sys::UniqueFd& proc_with_us(const InitContext& context) {
  return context.own_proc ? context.own_proc : context.proc;
}

void set_labels(InitContext& context) {
  if (context.process.apparmor_profile.empty() && context.process.selinux_label.empty()) return;
  const sys::UniqueFd& proc = proc_with_us(context);
  if (!proc)
    throw sys::Error(sys::ErrorKind::invalid_argument,
                     "a label needs a mount of type proc, and the container has none");
  apply_labels(proc.get(), context.process.apparmor_profile,
               context.process.selinux_label);
}

void begin_session(InitContext&) {
  // What the monitor ignores or blocks would stay so across exec.
  for (int number = 1; number < NSIG; ++number) restore_signal(number);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  // Not dumpable: until exec the container must not look into this image of ours through
  // /proc/<pid>/{mem,exe,fd} (attack E03, CVE-2019-5736). execve(2) makes the process dumpable
  // again.
  sys::check(::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0), "prctl PR_SET_DUMPABLE");
  sys::check(::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0), "prctl PR_SET_PDEATHSIG");
  sys::check(::setsid(), "setsid");
}

void join_others(InitContext& context) {
  if (context.pid_namespace) context.own_proc = sys::open_at(AT_FDCWD, "/proc", O_PATH | O_DIRECTORY);
  join_namespaces(context);
}

void wait_for_host(InitContext& context) {
  (void)context.channel.expect(Step::host_ready);
}

void configure_network(InitContext& context) {
  if (!makes_namespace(context.spec, NamespaceKind::network)) return;
  (void)context.channel.expect(Step::network_ready);
  configure_interfaces(context.spec.interfaces);
}

void make_terminal(InitContext& context) {
  if (!context.process.terminal) return;
  if (!context.devpts)
    throw sys::Error(sys::ErrorKind::invalid_argument,
                     "a terminal needs a mount of type devpts, and the container has none");
  Terminal terminal = open_terminal(context.devpts.get());
  if (context.process.terminal_rows != 0 || context.process.terminal_columns != 0)
    set_terminal_size(terminal.master.get(), context.process.terminal_rows,
                      context.process.terminal_columns);
  context.channel.send(Step::terminal, terminal.master.get());
  context.terminal = std::move(terminal.slave);
}

void set_names(InitContext& context) {
  const ContainerSpec& spec = context.spec;
  if (!spec.hostname.empty())
    sys::check(::sethostname(spec.hostname.data(), spec.hostname.size()), "sethostname",
               spec.hostname);
  if (!spec.domainname.empty())
    sys::check(::setdomainname(spec.domainname.data(), spec.domainname.size()), "setdomainname",
               spec.domainname);
}

// Pipes and terminals belong to the process's user, so that it can open /dev/stdout again; what
// came from elsewhere keeps its owner (attack R13).
void give_to_user(int fd, uid_t uid, gid_t gid) {
  struct stat status {};
  if (::fstat(fd, &status) < 0 || status.st_uid == uid) return;
  if (S_ISFIFO(status.st_mode)) (void)!::fchown(fd, uid, gid);
  if (S_ISCHR(status.st_mode) && ::isatty(fd) == 1)
    (void)!::fchown(fd, uid, static_cast<gid_t>(-1));
}

void connect_stdio(InitContext& context) {
  for (int standard = 0; standard <= 2; ++standard) {
    const int stream = context.terminal ? context.terminal.get() : context.stdio[static_cast<size_t>(standard)];
    sys::check(::dup2(stream, standard), "dup2", long{standard});
  }
  context.terminal.reset();
  for (int standard = 0; standard <= 2; ++standard)
    give_to_user(standard, context.uid, context.gid);
}

void take_terminal(InitContext& context) {
  if (context.process.terminal) control_terminal(STDIN_FILENO);
}

void set_limits(InitContext& context) {
  apply_rlimits(context.process.rlimits);
  if (!context.process.oom_score_adj) return;
  std::string value = std::to_string(*context.process.oom_score_adj);
  // 0 is what we have unless somebody changed the engine's own: then it is put right.
  const sys::UniqueFd& known = proc_with_us(context);
  sys::UniqueFd proc = known ? sys::duplicate(known.get())
                             : sys::open_at(AT_FDCWD, "/proc", O_PATH | O_DIRECTORY);
  if (sys::read_file(proc.get(), "self/oom_score_adj", 64) == value + "\n") return;
  sys::write_existing(proc.get(), "self/oom_score_adj", value);
}

void join_new_keyring(InitContext& context) {
  if (!context.new_keyring) return;
  // ENOSYS and EPERM: no keyrings on this kernel, or the quota of /proc/key-users is used up; a
  // container without one of its own has only lost a convenience, since keyctl is not allowed
  // anyway.
  if (::syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, nullptr) < 0 && errno != ENOSYS &&
      errno != EPERM && errno != EDQUOT && errno != EACCES)
    sys::throw_errno(errno, "keyctl JOIN_SESSION_KEYRING", {});
}

void load_filter_early(InitContext& context) {
  if (context.filter != nullptr && !context.process.no_new_privileges)
    (void)load_filter(*context.filter);
}

void forbid_new_privileges(InitContext& context) {
  if (context.process.no_new_privileges)
    sys::check(::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "prctl PR_SET_NO_NEW_PRIVS");
}

// Nothing beyond stderr reaches the container but what its launcher was told to pass on, and nothing of the host
// is open while we wait for our start: others may be in our pid namespace (attack E04). The exec itself closes
// what is needed until then: the channel, and the socket of a detached process.
void close_descriptors(InitContext& context) {
  context.root.reset();
  context.proc.reset();
  context.own_proc.reset();
  context.devpts.reset();
  context.kernel_mounts.clear();
  std::array<int, 2> kept{context.channel.descriptor(), context.start_listener};
  std::sort(kept.begin(), kept.end());
  // What else is open belongs to objects that are never looked at again.
  auto first = 3 + context.preserved_descriptors;
  for (const int descriptor : kept) {
    if (descriptor < 0) continue;
    const auto number = static_cast<unsigned>(descriptor);
    if (number > first)
      sys::check(::syscall(SYS_close_range, first, number - 1, 0), "close_range");
    first = number + 1;
  }
  sys::check(::syscall(SYS_close_range, first, ~0u, 0), "close_range");
}

std::string own_hook_state(const InitContext& context, const char* status) {
  return hook_state_json(context.spec, *context.hooks, status, ::getpid());
}

// The last moment at which the host's files can be reached: the launcher runs its hooks now, and ours
// are found on the host, too.
void run_creation_hooks(InitContext& context) {
  if (context.hooks == nullptr) return;
  const Hooks& hooks = context.spec.hooks;
  if (!(hooks.prestart.empty() && hooks.create_runtime.empty())) {
    context.channel.send(Step::mounted);
    (void)context.channel.expect(Step::hooks_done);
  }
  run_hooks(hooks.create_container, "createContainer", own_hook_state(context, "creating"));
}

void run_start_hooks(InitContext& context) {
  if (context.hooks == nullptr || context.spec.hooks.start_container.empty()) return;
  run_hooks(context.spec.hooks.start_container, "startContainer",
            own_hook_state(context, "created"));
}

// Until the launcher has written down that we exist we die with it, after that with nobody.
void wait_detached(InitContext& context) {
  (void)context.channel.expect(Step::detach);
  sys::check(::prctl(PR_SET_PDEATHSIG, 0, 0, 0, 0), "prctl PR_SET_PDEATHSIG");
  context.channel = LaunchChannel(sys::UniqueFd());
  while (true) {
    context.channel = LaunchChannel(sys::accept_connection(context.start_listener));
    try {
      return (void)context.channel.expect(Step::start);
    } catch (const sys::Error&) {
      // Died before it said anything: the next one may do better.
    }
  }
}

void wait_for_start(InitContext& context) {
  context.channel.send(Step::setup_done);
  if (context.start_listener >= 0) return wait_detached(context);
  (void)context.channel.expect(Step::start);
}

void load_filter_late(InitContext& context) {
  if (context.filter != nullptr && context.process.no_new_privileges)
    (void)load_filter(*context.filter);
}

void execute_command(InitContext& context) {
  // A change of ids clears the parent-death signal: set it again, and look once more whether the
  // monitor died in between.
  int signal = context.outlives_launcher ? 0 : SIGKILL;
  sys::check(::prctl(PR_SET_PDEATHSIG, signal, 0, 0, 0), "prctl PR_SET_PDEATHSIG");
  if (!context.outlives_launcher && context.channel.peer_gone()) ::_exit(137);
  execute(context);
}

void join_container(InitContext& context) {
  // In which nobody can have put anything in our place.
  context.own_proc = sys::open_at(AT_FDCWD, "/proc", O_PATH | O_DIRECTORY);
  join_container_namespaces(context);
  context.root = sys::open_at(AT_FDCWD, "/", O_PATH | O_DIRECTORY);
  if (context.process.terminal) context.devpts = open_devpts(context.root.get());
}

constexpr Stage init_stages[] = {
    {"enter the cgroup", enter_cgroup},
    {"enter the user namespace", enter_user_namespace},
    {"enter the time namespace", enter_time_namespace},
    {"begin a session", begin_session},
    {"make mounts private", make_mounts_private},
    {"mount the root file system", mount_root},
    {"wait for the host", wait_for_host},
    {"enter the cgroup namespace", enter_cgroup_namespace},
    {"join namespaces", join_others},
    {"mount file systems", mount_filesystems},
    {"create devices", create_devices},
    {"make the terminal", make_terminal},
    {"create the console", create_console},
    {"run the creation hooks", run_creation_hooks},
    {"enter the root file system", pivot_into_root},
    // No host path can be reached from here on.
    {"mask paths", mask_paths},
    {"set names", set_names},
    // Before the sysctls, which may be about its links, and while /proc/sys can be written.
    {"configure the network", configure_network},
    {"write sysctls", write_sysctls},
    {"make paths read-only", make_paths_readonly},
    {"make the working directory", make_working_directory},
    {"protect the root file system", protect_root},
    // The container's view of the machine is complete.
    {"find the user", find_identity},
    {"connect stdio", connect_stdio},
    {"take the terminal", take_terminal},
    {"set limits", set_limits},
    {"set the scheduling", set_scheduling},
    {"join a new keyring", join_new_keyring},
    {"set labels", set_labels},
    {"enter the working directory", enter_working_directory},
    {"choose the pid namespace", choose_birthplace},
    {"close descriptors", close_descriptors},
    {"enter the pid namespace", be_born_early},
    {"load the system call filter", load_filter_early},
    {"take the identity", take_identity},
    {"forbid new privileges", forbid_new_privileges},
    // No privilege of the host's is left, and none comes back.
    {"enter the pid namespace", be_born},
    {"check the working directory", check_working_directory},
    {"find the command", find_command},
    {"wait for the start", wait_for_start},
    {"run the start hooks", run_start_hooks},
    {"load the system call filter", load_filter_late},
    {"execute", execute_command},
};

constexpr Stage exec_stages[] = {
    {"take the initial processors", take_initial_processors},
    {"enter the cgroup", enter_cgroup},
    {"begin a session", begin_session},
    {"wait for the host", wait_for_host},
    {"join the container", join_container},
    // No host path can be reached from here on; nobody in the container can see us.
    {"make the terminal", make_terminal},
    {"find the user", find_identity},
    {"connect stdio", connect_stdio},
    {"set limits", set_limits},
    {"set the scheduling", set_scheduling},
    {"join a new keyring", join_new_keyring},
    {"set labels", set_labels},
    {"enter the working directory", enter_working_directory},
    {"close descriptors", close_descriptors},
    {"enter the pid namespace", be_born_early},
    {"load the system call filter", load_filter_early},
    {"take the identity", take_identity},
    {"forbid new privileges", forbid_new_privileges},
    // We have nothing any more that the container does not have.
    {"enter the pid namespace", be_born},
    {"check the working directory", check_working_directory},
    {"find the command", find_command},
    {"wait for the start", wait_for_start},
    {"load the system call filter", load_filter_late},
    {"execute", execute_command},
};

void fail(const InitContext& context, const char* stage, const sys::Error& error, int exit_code) {
  context.channel.send_failure(stage, error, exit_code);
}

[[noreturn]] void run(std::span<const Stage> stages, InitContext& context) noexcept {
  const char* name = "start";
  try {
    for (const Stage& stage : stages) {
      name = stage.name;
      stage.run(context);
      if (context.timeline != nullptr) context.timeline->mark(stage.name);
    }
  } catch (const LaunchError& error) {
    fail(context, name, error, error.exit_code());
  } catch (const sys::Error& error) {
    fail(context, name,
         sys::Error(error.kind(), fmt::format("{}: {}", name, error.what()), error.error_number()),
         engine_failed);
  } catch (const std::exception& error) {
    fail(context, name,
         sys::Error(sys::ErrorKind::internal, fmt::format("{}: {}", name, error.what())),
         engine_failed);
  }
  ::_exit(engine_failed);
}

}  // namespace

void run_init(InitContext& context) noexcept {
  run(init_stages, context);
}
void run_exec(InitContext& context) noexcept {
  run(exec_stages, context);
}

}  // namespace ctr::runtime
