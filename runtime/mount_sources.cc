#include "runtime/mount_sources.h"

#include <fcntl.h>
#include <linux/mount.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>

#include "runtime/mount_apply.h"
#include "runtime/mount_plan.h"
#include "runtime/sys/error.h"
#include "runtime/sys/file.h"
#include "runtime/sys/mount.h"
#include "runtime/namespaces.h"
#include "runtime/user_namespace.h"

namespace ctr::runtime {

namespace {

// A user namespace that nobody is in, for its mappings: it lives on in the descriptor.
sys::UniqueFd make_mapping(const std::vector<IdMap>& uids, const std::vector<IdMap>& gids) {
  const long pid = sys::check(::syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0), "clone");
  if (pid == 0) {
    while (true) ::pause();
  }
  struct Child {
    pid_t pid;
    ~Child() {
      ::kill(pid, SIGKILL);
      (void)::waitpid(pid, nullptr, 0);
    }
  } child{static_cast<pid_t>(pid)};
  write_id_maps(child.pid, uids, gids);
  return sys::open_at(AT_FDCWD, fmt::format("/proc/{}/ns/user", child.pid), O_RDONLY);
}

void map_ids(int tree, const Mount& mount, const ContainerSpec& spec) {
  // "idmap" without mappings of its own means the container's (runtime-spec, config-linux.md).
  const bool own = !mount.uid_mappings.empty();
  sys::UniqueFd mapping = own ? make_mapping(mount.uid_mappings, mount.gid_mappings)
                              : make_mapping(spec.uid_mappings, spec.gid_mappings);
  mount_attr attributes{};
  attributes.attr_set = MOUNT_ATTR_IDMAP;
  attributes.userns_fd = static_cast<uint64_t>(mapping.get());
  const bool recursive =
      std::find(mount.options.begin(), mount.options.end(), "ridmap") != mount.options.end();
  const unsigned flags = AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0u);
  if (::syscall(SYS_mount_setattr, tree, "", flags, &attributes, sizeof attributes) == 0) return;
  throw sys::Error(sys::ErrorKind::invalid_argument,
                   fmt::format("mount '{}': ids cannot be mapped on the file system of '{}': {}",
                               mount.destination, mount.source, sys::errno_text(errno)),
                   errno);
}

bool wants_id_map(const Mount& mount) {
  return !mount.uid_mappings.empty() ||
         std::any_of(mount.options.begin(), mount.options.end(), [](const std::string& option) {
           return option == "idmap" || option == "ridmap";
         });
}

}  // namespace

MountSources open_mount_sources(const ContainerSpec& spec) {
  MountSources sources;
  const bool foreign = makes_namespace(spec, NamespaceKind::user);
  if (foreign && !spec.root.overlay)
    sources.root = sys::clone_mount(AT_FDCWD, spec.root.path, true);
  for (const Mount& mount : spec.mounts) {
    const bool mapped = wants_id_map(mount);
    if (!foreign && !mapped) continue;
    const MountPlan plan = plan_mount(mount);
    if (!plan.bind) continue;
    sys::UniqueFd tree = prepare_bind(mount, plan);
    if (mapped) map_ids(tree.get(), mount, spec);
    sources.binds.emplace(&mount, std::move(tree));
  }
  return sources;
}

}  // namespace ctr::runtime
