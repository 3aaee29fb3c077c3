#include "runtime/mount_sources.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>

#include "runtime/mapped_root.h"
#include "runtime/mount_apply.h"
#include "runtime/mount_plan.h"
#include "runtime/namespaces.h"
#include "runtime/sys/error.h"
#include "runtime/sys/file.h"
#include "runtime/sys/mount.h"
#include "runtime/user_namespace.h"

namespace ctr::runtime {

namespace {

// A user namespace that nobody is in, for its mappings: it lives on in the descriptor.
sys::UniqueFd make_mapping(const std::vector<IdMap>& uids, const std::vector<IdMap>& gids) {
  const long pid = ::syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0);
  if (pid < 0 && errno == ENOSPC)
    throw sys::Error(sys::ErrorKind::unavailable,
                     "no more user namespaces: /proc/sys/user/max_user_namespaces is reached",
                     ENOSPC);
  sys::check(pid, "clone");
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

bool has_option(const Mount& mount, std::string_view name) {
  return std::find(mount.options.begin(), mount.options.end(), name) != mount.options.end();
}

bool wants_id_map(const Mount& mount) {
  return !mount.uid_mappings.empty() || has_option(mount, "idmap") || has_option(mount, "ridmap") ||
         has_option(mount, "tryidmap");
}

// The user namespace of a container, for its mappings, as soon as somebody needs it.
class ContainerMapping {
 public:
  explicit ContainerMapping(const ContainerSpec& spec) : spec_(spec) {}
  int fd() {
    if (!fd_) fd_ = open_joined_namespace(spec_, NamespaceKind::user);
    if (!fd_) fd_ = make_mapping(spec_.uid_mappings, spec_.gid_mappings);
    return fd_.get();
  }

 private:
  const ContainerSpec& spec_;
  sys::UniqueFd fd_;
};

// "idmap" without mappings of its own means the container's (runtime-spec, config-linux.md);
// "tryidmap" is ours: as many of its mounts as can be mapped.
void map_ids(int tree, const Mount& mount, ContainerMapping& container) {
  sys::UniqueFd own;
  if (!mount.uid_mappings.empty()) own = make_mapping(mount.uid_mappings, mount.gid_mappings);
  const int mapping = own ? own.get() : container.fd();
  const bool lenient = has_option(mount, "tryidmap");
  if (map_mount_ids(tree, mapping, lenient || has_option(mount, "ridmap"))) return;
  if (lenient) return (void)map_mount_ids(tree, mapping, false);
  throw sys::Error(sys::ErrorKind::invalid_argument,
                   fmt::format("mount '{}': ids cannot be mapped on the file system of '{}': {}",
                               mount.destination, mount.source, sys::errno_text(errno)),
                   errno);
}

void open_mapped_root(const ContainerSpec& spec, ContainerMapping& container,
                      MountSources& sources) {
  const bool possible = !spec.uid_mappings.empty() && !spec.gid_mappings.empty();
  const bool overlay = spec.root.overlay && spec.root.overlay->idmapped;
  if (!possible || (spec.devices.empty() && !overlay)) return;
  MappedRoot made = make_mapped_root(spec, container.fd());
  if (overlay) sources.root = std::move(made.overlay);
  sources.devices = std::move(made.nodes);
}

}  // namespace

MountSources open_mount_sources(const ContainerSpec& spec) {
  MountSources sources;
  ContainerMapping container(spec);
  // A user without privileges may mount nothing here; in there he is who he is here, and reaches
  // his own files.
  const bool foreign = has_namespace(spec, NamespaceKind::user) && ::geteuid() == 0;
  if (foreign) open_mapped_root(spec, container, sources);
  if (foreign && !spec.root.overlay)
    sources.root = sys::clone_mount(AT_FDCWD, spec.root.path, true);
  for (const Mount& mount : spec.mounts) {
    const bool mapped = wants_id_map(mount);
    if (!foreign && !mapped) continue;
    const MountPlan plan = plan_mount(mount);
    // A user namespace may mount few kinds of file systems: those of volumes are made here.
    if (!plan.bind && !(foreign && has_option(mount, "tryidmap"))) continue;
    sys::UniqueFd tree = plan.bind ? prepare_bind(mount, plan) : prepare_filesystem(mount, plan);
    if (mapped) map_ids(tree.get(), mount, container);
    sources.trees.emplace(&mount, std::move(tree));
  }
  return sources;
}

}  // namespace ctr::runtime
