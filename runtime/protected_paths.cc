#include "runtime/protected_paths.h"

#include <fcntl.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>

#include <set>

#include "runtime/sys/file.h"
#include "runtime/sys/mount.h"
#include "runtime/sys/path.h"

namespace ctr::runtime {

namespace {

bool is_directory(int fd) {
  struct stat status {};
  sys::check(::fstat(fd, &status), "fstat");
  return S_ISDIR(status.st_mode);
}

// A mask that is not the null device would be a hole, or a gift (attack R10).
sys::UniqueFd open_verified_null(int root) {
  sys::UniqueFd null = sys::open_in_root(root, "/dev/null", O_PATH | O_NOFOLLOW);
  struct stat status {};
  sys::check(::fstat(null.get(), &status), "fstat", "/dev/null");
  if (!S_ISCHR(status.st_mode) || status.st_rdev != makedev(1, 3))
    throw sys::Error(sys::ErrorKind::invalid_argument, "the container's /dev/null is invalid");
  return null;
}

// One empty file system for all directories that are masked: the first is mounted, the others are
// copies of that mount.
class EmptyDirectory {
 public:
  void cover(int target) {
    if (mount_) return sys::attach_mount(sys::clone_mount(mount_.get(), "", false).get(), target);
    mount_ = sys::make_filesystem(
        {.type = "tmpfs",
         .source = "tmpfs",
         .options = {{"nr_blocks", "1"}, {"nr_inodes", "1"}, {"mode", "0755"}, {"ro", ""}},
         .attributes =
             MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC});
    sys::attach_mount(mount_.get(), target);
  }

 private:
  sys::UniqueFd mount_;
};

// What lies in the container's procfs or sysfs is looked for below our own mount of it: a path through the root
// file system could be made to lead elsewhere for just this moment, so that a mask would seem to have nothing
// to hide (attacks R08, R09). Absent there, it does not exist on this kernel.
std::optional<sys::UniqueFd> find_protected(const InitContext& context, const std::string& path) {
  const std::string clean = sys::clean_path(path);
  const auto& mounts = context.kernel_mounts;
  for (auto mount = mounts.rbegin(); mount != mounts.rend(); ++mount) {
    const std::string& top = mount->destination;
    if (clean.starts_with(top) && (clean.size() == top.size() || clean[top.size()] == '/'))
      return sys::find_in_root(mount->tree.get(), clean.substr(top.size()), O_PATH);
  }
  return sys::find_in_root(context.root.get(), clean, O_PATH);
}

}  // namespace

void mask_paths(InitContext& context) {
  if (context.spec.masked_paths.empty()) return;
  sys::UniqueFd null = open_verified_null(context.root.get());
  EmptyDirectory empty;
  std::set<std::string> seen;
  for (const std::string& path : context.spec.masked_paths) {
    if (!seen.insert(path).second) continue;
    std::optional<sys::UniqueFd> target = find_protected(context, path);
    if (!target) continue;  // not on this kernel
    if (is_directory(target->get()))
      empty.cover(target->get());
    else
      sys::attach_mount(sys::clone_mount(null.get(), "", false).get(), target->get());
  }
}

void make_paths_readonly(InitContext& context) {
  for (const std::string& path : context.spec.readonly_paths) {
    std::optional<sys::UniqueFd> target = find_protected(context, path);
    if (!target) continue;
    sys::UniqueFd tree = sys::clone_mount(target->get(), "", true);
    sys::set_mount_attributes(tree.get(), MOUNT_ATTR_RDONLY, 0, 0, true);
    sys::attach_mount(tree.get(), target->get());
  }
}

namespace {

// "net.ipv4.ip_forward" is net/ipv4/ip_forward. Whichever of "." and "/" comes first separates, and the
// other is part of a name (sysctl(8)): "net/ipv4/conf/eth0.100/forwarding".
std::string sysctl_path(std::string name) {
  if (name.find('.') > name.find('/')) return name;
  for (char& c : name) c = c == '.' ? '/' : c == '/' ? '.' : c;
  return name;
}

}  // namespace

void write_sysctls(InitContext& context) {
  if (context.spec.sysctl.empty()) return;
  // Through a procfs that we mounted ourselves and without leaving it: what another container put
  // over /proc/sys of a shared mount cannot take these writes (CVE-2025-52881, attack R09).
  if (!context.proc)
    context.proc =
        sys::make_filesystem({.type = "proc", .source = "proc", .options = {}, .attributes = 0});
  for (const auto& [name, value] : context.spec.sysctl) {
    const std::string path = "sys/" + sysctl_path(name);
    open_how how{};
    how.flags = O_WRONLY | O_CLOEXEC;
    how.resolve = RESOLVE_BENEATH | RESOLVE_NO_XDEV | RESOLVE_NO_MAGICLINKS;
    sys::UniqueFd file(static_cast<int>(
        sys::check(::syscall(SYS_openat2, context.proc.get(), path.c_str(), &how, sizeof how),
                   "open sysctl", name)));
    sys::check(::write(file.get(), value.data(), value.size()), "write sysctl", name, value);
  }
}

}  // namespace ctr::runtime
