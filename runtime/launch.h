// The host side of a start. Straight-line: every line makes an owner that undoes itself if a later
// line throws. See launch_channel.h for what the two sides say to each other, init.h for the other.
// runs in: ctr-monitor, ctr-runtime (single-threaded, so that the child may allocate and throw).
#pragma once

#include <array>
#include <string>
#include <vector>

#include "runtime/cgroup/cgroup.h"
#include "runtime/hooks.h"
#include "runtime/launch_channel.h"
#include "runtime/security/seccomp.h"
#include "runtime/spec.h"
#include "runtime/sys/process.h"
#include "runtime/timeline.h"

namespace ctr::runtime {

struct LaunchOptions {
  const CgroupLayout& cgroup_layout;
  std::array<int, 3> stdio{-1, -1, -1};    // the child's 0, 1, 2 where it has no terminal
  const CompiledFilter* filter = nullptr;  // null: unconfined
  Timeline* timeline = nullptr;            // null: not recorded
  // The process goes on when its launcher ends; until start() or detach() it still dies with it.
  bool outlives_launcher = false;
  // A listening SOCK_SEQPACKET socket at which a detached process waits for start_detached(); -1
  // where the launcher itself starts it.
  int start_listener = -1;
  unsigned preserved_descriptors = 0;  // 3, 4, … of the launcher that the process keeps
  bool new_keyring = true;
  const HookState* hooks = nullptr;  // null: the specification's hooks are not run
  ExistingCgroup existing_cgroup = ExistingCgroup::refused;
  ForbiddenTree forbidden_tree = ForbiddenTree::refused;
};

// A process that is set up and waits for the word to exec. Destroyed before start() has returned, it
// is killed and reaped.
class PendingProcess {
 public:
  PendingProcess(sys::Process process, LaunchChannel channel)
      : process_(std::move(process)), channel_(std::move(channel)) {}
  PendingProcess(PendingProcess&&) = default;
  PendingProcess& operator=(PendingProcess&&) = default;
  ~PendingProcess();

  const sys::Process& process() const { return process_; }
  const LaunchChannel& channel() const { return channel_; }
  // Goes on with the process that the one so far has borne: see birth.h.
  void expect_birth();
  sys::UniqueFd take_terminal() { return std::move(terminal_); }
  void set_terminal(sys::UniqueFd terminal) { terminal_ = std::move(terminal); }
  // Links that must carry packets before the program begins.
  void set_interfaces(std::vector<NetworkInterface> interfaces) {
    interfaces_ = std::move(interfaces);
  }

  // Waits until everything but the program is there. start() and detach() do so, too.
  void prepare();
  // Returns the running process; throws LaunchError (with Docker's exit code) if it could not exec.
  sys::Process start();

  // The launcher ends, the process waits on at LaunchOptions::start_listener. Returns when nothing
  // of the launcher's is needed any more.
  sys::Process detach();

 private:
  sys::Process process_;
  LaunchChannel channel_;
  sys::UniqueFd terminal_;
  std::vector<NetworkInterface> interfaces_;
  bool prepared_ = false;
};

struct PendingContainer {
  Cgroup cgroup;
  PendingProcess init;
};

// The first process of a new container.
PendingContainer launch(const ContainerSpec& spec, const LaunchOptions& options);

// Gives a detached process, which listens at `socket`, the word to exec. Throws LaunchError if it
// could not, Error{conflict} if nobody waits there (any more).
void start_detached(const std::string& socket);

// A further process in a container that runs: `init` is its first process, `cgroup` its cgroup.
PendingProcess launch_exec(const ContainerSpec& spec, const Process& process,
                           const sys::Process& init, const Cgroup& cgroup,
                           const LaunchOptions& options);

}  // namespace ctr::runtime
