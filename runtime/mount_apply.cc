#include "runtime/mount_apply.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <linux/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include <algorithm>
#include <array>

#include "runtime/cgroup_mount.h"
#include "runtime/mount_plan.h"
#include "runtime/sys/file.h"
#include "runtime/sys/mount.h"
#include "runtime/sys/path.h"

namespace ctr::runtime {

namespace {

// The files of procfs that lxcfs replaces: the only ones a mount may cover (attack R07).
constexpr std::array<std::string_view, 10> lxcfs_files = {
    "/proc/cpuinfo", "/proc/diskstats", "/proc/meminfo",
    "/proc/stat",    "/proc/swaps",     "/proc/uptime",
    "/proc/loadavg", "/proc/slabinfo",  "/proc/sys/kernel/ns_last_pid",
    "/proc/net/dev"};

bool is_directory(int fd) {
  struct stat status {};
  sys::check(::fstat(fd, &status), "fstat");
  return S_ISDIR(status.st_mode);
}

// A file in place of a missing target of a file's bind. O_NOFOLLOW: what an image put there as a
// link was followed, inside the root, by whoever opened the target before us and found nothing.
sys::UniqueFd create_file_target(int root, const std::string& destination) {
  auto [parent, name] = sys::open_parent_in_root(root, destination, 0755);
  int fd = ::openat(parent.get(), name.c_str(), O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
  if (fd >= 0) {
    ::close(fd);
    return sys::open_at(parent.get(), name, O_PATH | O_NOFOLLOW);
  }
  if (errno != EEXIST) sys::throw_errno(errno, "create", {"'" + destination + "'"});
  // A link that dangles: its target is made inside the root, as a directory for the file and the
  // file.
  char target[4096];
  ssize_t length = sys::check(::readlinkat(parent.get(), name.c_str(), target, sizeof target),
                              "readlink", destination);
  std::string link(target, static_cast<size_t>(length));
  if (link.empty() || link[0] != '/')
    link = destination.substr(0, destination.rfind('/') + 1) + link;
  auto [link_parent, link_name] = sys::open_parent_in_root(root, link, 0755);
  return sys::open_at(link_parent.get(), link_name, O_CREAT | O_NOFOLLOW | O_RDONLY, 0644);
}

sys::UniqueFd open_target(int root, const std::string& destination, bool directory) {
  if (std::optional<sys::UniqueFd> found = sys::find_in_root(root, destination, O_PATH)) {
    if (is_directory(found->get()) == directory) return std::move(*found);
    throw sys::Error(
        sys::ErrorKind::invalid_argument,
        fmt::format(
            "cannot mount a {} on '{}': it is {}. Are you trying to mount a directory onto a "
            "file (or vice-versa)? Check if the specified host path exists and is the "
            "expected type",
            directory ? "directory" : "file", destination,
            directory ? "not a directory" : "a directory"),
        directory ? ENOTDIR : EISDIR);
  }
  return directory ? sys::make_directories_in_root(root, destination, 0755)
                   : create_file_target(root, destination);
}

// /proc and /sys must be directories of the image's own: a link would put the kernel's files where
// the image wants them (attack R03).
void refuse_odd_kernel_target(int root, const Mount& mount) {
  if (mount.type != "proc" && mount.type != "sysfs") return;
  std::string name = sys::clean_path(mount.destination).substr(1);
  struct stat status {};
  if (::fstatat(root, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) < 0) return;  // made below
  if (!S_ISDIR(status.st_mode))
    throw sys::Error(
        sys::ErrorKind::invalid_argument,
        fmt::format("filesystem '{}' must be mounted on ordinary directory, and '{}' of "
                    "the image is not one",
                    mount.type, mount.destination));
}

void refuse_target_in_proc(int target, const Mount& mount) {
  struct statfs status {};
  sys::check(::fstatfs(target, &status), "fstatfs", mount.destination);
  if (status.f_type != PROC_SUPER_MAGIC || mount.type == "proc") return;
  std::string path = sys::clean_path(mount.destination);
  if (std::find(lxcfs_files.begin(), lxcfs_files.end(), path) != lxcfs_files.end()) return;
  if (path == "/proc" && mount.type == "bind") {
    struct statfs source {};
    if (::statfs(mount.source.c_str(), &source) == 0 && source.f_type == PROC_SUPER_MAGIC) return;
  }
  throw sys::Error(
      sys::ErrorKind::invalid_argument,
      fmt::format("'{}' cannot be mounted because it is inside /proc", mount.destination));
}

void apply_recursive(int tree, const MountPlan& plan) {
  if ((plan.recursive_set | plan.recursive_clear) != 0)
    sys::set_mount_attributes(tree, plan.recursive_set, plan.recursive_clear, 0, true);
}

// Keeps the descriptors of the file systems that later stages trust because we mounted them.
void remember(InitContext& context, const Mount& mount, sys::UniqueFd tree) {
  if (mount.type == "proc" && sys::clean_path(mount.destination) == "/proc")
    context.proc = std::move(tree);
  else if (mount.type == "devpts")
    context.devpts = std::move(tree);
}

}  // namespace

sys::UniqueFd prepare_filesystem(const Mount& mount, const MountPlan& plan) {
  sys::FilesystemOptions options{.type = mount.type,
                                 .source = mount.source,
                                 .options = plan.filesystem_options,
                                 .attributes = plan.attributes_set};
  return sys::make_filesystem(options);
}

sys::UniqueFd prepare_bind(const Mount& mount, const MountPlan& plan) {
  sys::UniqueFd tree = sys::clone_mount(AT_FDCWD, mount.source, plan.recursive_bind);
  // Detached: whatever changes here was never visible with wrong flags, and is private at once.
  uint64_t propagation = plan.propagation != 0 ? plan.propagation : 1u << 18 /* MS_PRIVATE */;
  bool recursive = plan.propagation == 0 || plan.recursive_propagation;
  sys::set_mount_attributes(tree.get(), 0, 0, propagation, recursive);
  if ((plan.attributes_set | plan.attributes_clear) != 0)
    sys::set_mount_attributes(tree.get(), plan.attributes_set, plan.attributes_clear, 0, false);
  return tree;
}

namespace {

sys::UniqueFd prepare_tree(InitContext& context, const Mount& mount, const MountPlan& plan) {
  if (auto opened = context.sources.trees.find(&mount); opened != context.sources.trees.end())
    return std::move(opened->second);
  return plan.bind ? prepare_bind(mount, plan) : prepare_filesystem(mount, plan);
}

}  // namespace

void apply_mount(InitContext& context, const Mount& mount) {
  MountPlan plan = plan_mount(mount);
  int root = context.root.get();
  refuse_odd_kernel_target(root, mount);
  if (mount.type == "cgroup") return mount_cgroups(context, mount, plan);
  sys::UniqueFd tree = prepare_tree(context, mount, plan);
  sys::UniqueFd target = open_target(root, mount.destination, is_directory(tree.get()));
  refuse_target_in_proc(target.get(), mount);
  sys::attach_mount(tree.get(), target.get());
  if (plan.propagation != 0 && !plan.bind)
    sys::set_mount_attributes(tree.get(), 0, 0, plan.propagation, plan.recursive_propagation);
  apply_recursive(tree.get(), plan);
  remember(context, mount, std::move(tree));
}

}  // namespace ctr::runtime
