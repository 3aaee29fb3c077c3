#include "runtime/root_filesystem.h"

#include <fcntl.h>
#include <linux/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>

#include "runtime/mount_apply.h"
#include "runtime/overlay.h"
#include "runtime/sys/file.h"
#include "runtime/sys/mount.h"
#include "runtime/sys/path.h"

namespace ctr::runtime {

namespace {

// mount(2)'s flags; <sys/mount.h> and <linux/mount.h> exclude each other before glibc 2.37.
constexpr unsigned long ms_recursive = 16384;
constexpr unsigned long ms_private = 1u << 18;
constexpr unsigned long ms_slave = 1u << 19;
constexpr unsigned long ms_shared = 1u << 20;
constexpr int mnt_detach = 2;

unsigned long propagation_of(const std::string& name) {
  if (name == "shared" || name == "rshared") return ms_shared | ms_recursive;
  if (name == "private" || name == "rprivate") return ms_private | ms_recursive;
  if (name == "slave" || name == "rslave" || name.empty()) return ms_slave | ms_recursive;
  throw sys::Error(sys::ErrorKind::invalid_argument,
                   fmt::format("rootfs propagation '{}' is not possible", name));
}

}  // namespace

void make_mounts_private(InitContext& context) {
  // Slave, not private: a bind that asks for it can then still receive the host's later mounts,
  // while nothing of ours ever reaches the host.
  unsigned long flags = propagation_of(context.spec.rootfs_propagation);
  if ((flags & ms_shared) != 0) return;  // asked for: mounts are to reach the host
  sys::mount_by_path("", "/", "", flags, "");
}

namespace {

// Over the working directory, where the launcher has put us: our user namespace may have no right to walk
// there.
void attach_given_root(InitContext& context) {
  context.root = std::move(context.sources.root);
  sys::attach_mount(context.root.get(), AT_FDCWD);
  sys::set_mount_attributes(context.root.get(), 0, 0, ms_private, false);
}

}  // namespace

void mount_root(InitContext& context) {
  const Root& root = context.spec.root;
  if (context.sources.root) return attach_given_root(context);
  // Attached over the upper directory, or the bundle's root: any directory would do, since only
  // this namespace sees it.
  if (root.overlay) {
    context.root = attach_overlay(*root.overlay, root.overlay->upper);
    return;
  }
  sys::UniqueFd tree = sys::clone_mount(AT_FDCWD, root.path, true);
  sys::UniqueFd target = sys::open_at(AT_FDCWD, root.path, O_PATH | O_DIRECTORY);
  sys::attach_mount(tree.get(), target.get());
  sys::set_mount_attributes(tree.get(), 0, 0, ms_private, false);
  context.root = std::move(tree);
}

void mount_filesystems(InitContext& context) {
  for (const Mount& mount : context.spec.mounts) apply_mount(context, mount);
}

void pivot_into_root(InitContext& context) {
  sys::UniqueFd old_root = sys::open_at(AT_FDCWD, "/", O_PATH | O_DIRECTORY);
  sys::check(::fchdir(context.root.get()), "chdir to the root file system");
  // pivot_root(".", ".") stacks the old root on the new one; it is then detached from below our
  // feet (pivot_root(2), "pivot_root(".", ".")").
  sys::check(::syscall(SYS_pivot_root, ".", "."), "pivot_root");
  sys::check(::fchdir(old_root.get()), "chdir to the old root");
  sys::mount_by_path("", ".", "", ms_slave | ms_recursive, "");
  sys::unmount(".", mnt_detach);
  sys::check(::chdir("/"), "chdir", "/");
  old_root.reset();
  context.root = sys::open_at(AT_FDCWD, "/", O_PATH | O_DIRECTORY);
  if (!context.spec.rootfs_propagation.empty())
    sys::mount_by_path("", "/", "", propagation_of(context.spec.rootfs_propagation) & ~ms_recursive,
                       "");
}

void protect_root(InitContext& context) {
  if (!context.spec.root.readonly) return;
  sys::set_mount_attributes(context.root.get(), MOUNT_ATTR_RDONLY, 0, 0, false);
}

}  // namespace ctr::runtime
