#include "runtime/mount_apply.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <linux/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include <algorithm>
#include <array>

#include "runtime/cgroup_mount.h"
#include "runtime/joined_procfs.h"
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
sys::UniqueFd open_kernel_target(int root, const Mount& mount) {
  constexpr int flags = O_PATH | O_NOFOLLOW;
  std::optional<sys::UniqueFd> target = sys::find_in_root(root, mount.destination, flags);
  if (!target) {
    (void)sys::make_directories_in_root(root, mount.destination, 0755);
    target = sys::open_in_root(root, mount.destination, flags);
  }
  if (is_directory(target->get())) return std::move(*target);
  throw sys::Error(
      sys::ErrorKind::invalid_argument,
      fmt::format("filesystem '{}' must be mounted on ordinary directory, and '{}' of "
                  "the image is not one",
                  mount.type, mount.destination));
}

long filesystem_of(int fd) {
  struct statfs status {};
  sys::check(::fstatfs(fd, &status), "fstatfs");
  return status.f_type;
}

// All of a procfs, not a part of one.
bool is_procfs(int tree) {
  constexpr ino_t root_inode = 1;
  struct stat status {};
  sys::check(::fstat(tree, &status), "fstat");
  return filesystem_of(tree) == PROC_SUPER_MAGIC && status.st_ino == root_inode;
}

bool is_below(const std::string& path, std::string_view directory) {
  return path.size() > directory.size() && path.starts_with(directory) &&
         path[directory.size()] == '/';
}

// What a program trusts to be the kernel's word must be it: masks, limits and labels of other processes in
// the container are read and written there (attack R07). By name, too, not by what is there alone: where the
// user's mount at /proc replaces ours there is nothing yet.
void refuse_false_kernel_files(int tree, int target, const Mount& mount) {
  const std::string path = sys::clean_path(mount.destination);
  if (path == "/sys" && filesystem_of(tree) != SYSFS_MAGIC)
    throw sys::Error(sys::ErrorKind::invalid_argument,
                     fmt::format("'{}' cannot be mounted because it is not of type sysfs",
                                 mount.destination));
  const bool inside = filesystem_of(target) == PROC_SUPER_MAGIC;
  if (path == "/proc") {
    if (is_procfs(tree)) return;
    throw sys::Error(sys::ErrorKind::invalid_argument,
                     fmt::format("'{}' cannot be mounted because it is not of type proc",
                                 mount.destination));
  }
  if (!inside && !is_below(path, "/proc")) return;
  if (std::find(lxcfs_files.begin(), lxcfs_files.end(), path) != lxcfs_files.end()) return;
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
  const std::string path = sys::clean_path(mount.destination);
  if (mount.type == "devpts") return void(context.devpts = std::move(tree));
  const long filesystem = filesystem_of(tree.get());
  if (filesystem != PROC_SUPER_MAGIC && filesystem != SYSFS_MAGIC) return;
  if (mount.type == "proc" && path == "/proc") context.proc = sys::duplicate(tree.get());
  context.kernel_mounts.push_back({path, std::move(tree)});
}

// A part of a volume is found below the volume's directory, now that it is mounted and by the one who mounts
// it: who shares the volume may put a link to the host there at any time (attack R06, CVE-2021-30465).
sys::UniqueFd clone_source(const Mount& mount, bool recursive) {
  if (mount.subpath.empty()) return sys::clone_mount(AT_FDCWD, mount.source, recursive);
  sys::UniqueFd top = sys::open_at(AT_FDCWD, mount.source, O_PATH | O_DIRECTORY);
  std::optional<sys::UniqueFd> part = sys::find_in_root(top.get(), mount.subpath, O_PATH);
  if (!part)
    throw sys::Error(sys::ErrorKind::invalid_argument,
                     fmt::format("cannot access path {}/{}: no such file or directory",
                                 mount.source, mount.subpath));
  return sys::clone_mount(part->get(), "", recursive);
}

}  // namespace

namespace {

sys::FilesystemOptions filesystem_options(const Mount& mount, const MountPlan& plan) {
  sys::FilesystemOptions options{.type = mount.type,
                                 .source = mount.source,
                                 .options = plan.filesystem_options,
                                 .attributes = plan.attributes_set};
  // As with mount(2), "ro" is of the file system, too: who looks at it through another mount finds it so.
  const bool is_filled_later = plan.copy_up;
  if ((plan.attributes_set & MOUNT_ATTR_RDONLY) != 0 && !is_filled_later)
    options.options.emplace_back("ro", "");
  return options;
}

}  // namespace

sys::UniqueFd prepare_filesystem(const Mount& mount, const MountPlan& plan) {
  return sys::make_filesystem(filesystem_options(mount, plan));
}

sys::UniqueFd prepare_bind(const Mount& mount, const MountPlan& plan) {
  sys::UniqueFd tree = clone_source(mount, plan.recursive_bind);
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
  if (mount.type == "proc" && context.pid_namespace)
    return sys::make_filesystem(open_joined_procfs(context.pid_namespace.get(), context.root.get()),
                                filesystem_options(mount, plan));
  if (auto opened = context.sources.trees.find(&mount); opened != context.sources.trees.end())
    return std::move(opened->second);
  return plan.bind ? prepare_bind(mount, plan) : prepare_filesystem(mount, plan);
}

}  // namespace

void apply_mount(InitContext& context, const Mount& mount) {
  MountPlan plan = plan_mount(mount);
  int root = context.root.get();
  if (mount.type == "cgroup") return mount_cgroups(context, mount, plan);
  sys::UniqueFd tree = prepare_tree(context, mount, plan);
  const bool kernels = mount.type == "proc" || mount.type == "sysfs";
  sys::UniqueFd target = kernels ? open_kernel_target(root, mount)
                                 : open_target(root, mount.destination, is_directory(tree.get()));
  refuse_false_kernel_files(tree.get(), target.get(), mount);
  sys::attach_mount(tree.get(), target.get());
  if (plan.propagation != 0 && !plan.bind)
    sys::set_mount_attributes(tree.get(), 0, 0, plan.propagation, plan.recursive_propagation);
  apply_recursive(tree.get(), plan);
  remember(context, mount, std::move(tree));
}

}  // namespace ctr::runtime
