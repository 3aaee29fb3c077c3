// What the stages of a starting process share. Made by launch or exec before the clone, used only by
// the child after it.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "runtime/cgroup/cgroup.h"
#include "runtime/hooks.h"
#include "runtime/launch_channel.h"
#include "runtime/mount_sources.h"
#include "runtime/security/seccomp.h"
#include "runtime/spec.h"
#include "runtime/sys/unique_fd.h"
#include "runtime/timeline.h"

namespace ctr::runtime {

// A procfs or sysfs that is mounted for the container.
struct KernelMount {
  std::string destination;  // clean
  sys::UniqueFd tree;
};

struct InitContext {
  const ContainerSpec& spec;
  const Process& process;  // spec.process, or the process of an exec
  LaunchChannel& channel;  // the launcher, later whoever gives a detached process its start
  const CompiledFilter* filter = nullptr;  // null: unconfined
  std::array<int, 3> stdio{-1, -1, -1};    // for a process without a terminal
  Timeline* timeline = nullptr;            // null: not recorded
  int container_pidfd = -1;                // exec: whose namespaces to join
  const CgroupLayout* cgroup_layout = nullptr;
  bool outlives_launcher = false;      // these five: see LaunchOptions
  int start_listener = -1;
  unsigned preserved_descriptors = 0;
  bool new_keyring = true;
  const HookState* hooks = nullptr;
  MountSources sources{};  // what the launcher opened for it
  bool born_last = false;         // into a pid namespace in which others are: see birth.h
  sys::UniqueFd pid_namespace{};  // which, for a container's first process
  std::vector<Cgroup::Entry> cgroup_entries{};

  // Filled by one stage for later ones:
  sys::UniqueFd root{};             // the container's root directory
  sys::UniqueFd proc{};             // a procfs that we mounted ourselves: nobody can have replaced it
  sys::UniqueFd own_proc{};         // the host's, until we are born into the container's: it shows us
  std::vector<KernelMount> kernel_mounts{};  // in the order in which they were mounted
  sys::UniqueFd devpts{};           // the container's own devpts
  sys::UniqueFd terminal{};         // the process's end of its terminal
  std::vector<std::string> environment{};
  uid_t uid = 0;
  gid_t gid = 0;
  std::vector<gid_t> groups{};
  bool in_working_directory = false;
  bool born = false;
  std::string command{};            // what is executed, absolute or relative to the cwd
};

}  // namespace ctr::runtime
