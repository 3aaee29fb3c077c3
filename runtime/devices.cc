#include "runtime/devices.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>

#include "runtime/sys/file.h"
#include "runtime/sys/mount.h"
#include "runtime/sys/path.h"

namespace ctr::runtime {

namespace {

struct Link {
  const char* name;
  const char* target;
};
constexpr Link standard_links[] = {
    {"fd", "/proc/self/fd"},       {"stdin", "/proc/self/fd/0"}, {"stdout", "/proc/self/fd/1"},
    {"stderr", "/proc/self/fd/2"}, {"ptmx", "pts/ptmx"},
};

// A /dev that came from the host by a bind is the user's business: nothing is made in it.
bool dev_is_bound(const ContainerSpec& spec) {
  return std::any_of(spec.mounts.begin(), spec.mounts.end(), [](const Mount& mount) {
    bool bind = mount.type == "bind" || std::find(mount.options.begin(), mount.options.end(),
                                                  "rbind") != mount.options.end();
    return bind && sys::clean_path(mount.destination) == "/dev";
  });
}

mode_t type_bits(const Device& device) {
  switch (device.type) {
    case 'b':
      return S_IFBLK;
    case 'p':
      return S_IFIFO;
    default:
      return S_IFCHR;
  }
}

// What is there is kept only if it is the very device that was asked for: an image may ship a
// /dev/null that is something else (attack R10).
bool is_device(int parent, const std::string& name, mode_t type, dev_t number) {
  struct stat status {};
  return ::fstatat(parent, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0 &&
         (status.st_mode & S_IFMT) == type && (type == S_IFIFO || status.st_rdev == number);
}

void bind_node(int parent, const std::string& name, int node) {
  sys::UniqueFd target =
      sys::open_at(parent, name, O_CREAT | O_NOFOLLOW | O_RDONLY | O_NONBLOCK, 0644);
  sys::attach_mount(node, target.get());
}

// Where mknod(2) is not allowed (a user namespace), the launcher has made the node, or the host's own is bound.
void bind_foreign_node(InitContext& context, int parent, const std::string& name, const Device& device) {
  auto made = context.sources.devices.find(&device);
  if (made != context.sources.devices.end()) return bind_node(parent, name, made->second.get());
  bind_node(parent, name, sys::clone_mount(AT_FDCWD, device.path, false).get());
}

void create_device(InitContext& context, const Device& device) {
  const int root = context.root.get();
  auto [parent, name] = sys::open_parent_in_root(root, device.path, 0755);
  mode_t type = type_bits(device);
  dev_t number = type == S_IFIFO ? 0
                                 : makedev(static_cast<unsigned>(device.major),
                                           static_cast<unsigned>(device.minor));
  if (::mknodat(parent.get(), name.c_str(), type | (device.mode & 07777), number) < 0) {
    if (errno == EPERM) return bind_foreign_node(context, parent.get(), name, device);
    if (errno != EEXIST) sys::throw_errno(errno, "mknod", {"'" + device.path + "'"});
    if (is_device(parent.get(), name, type, number)) return;
    sys::check(::unlinkat(parent.get(), name.c_str(), 0), "unlink", device.path);
    sys::check(::mknodat(parent.get(), name.c_str(), type | (device.mode & 07777), number), "mknod",
               device.path);
  }
  if (device.uid != 0 || device.gid != 0)
    sys::check(::fchownat(parent.get(), name.c_str(), device.uid, device.gid, AT_SYMLINK_NOFOLLOW),
               "chown", device.path);
}

}  // namespace

void create_devices(InitContext& context) {
  if (dev_is_bound(context.spec)) return;
  mode_t old_mask = ::umask(0);
  for (const Device& device : context.spec.devices) create_device(context, device);
  ::umask(old_mask);
  sys::UniqueFd dev = sys::make_directories_in_root(context.root.get(), "/dev", 0755);
  for (const Link& link : standard_links) {
    if (std::string_view(link.name) == "ptmx") ::unlinkat(dev.get(), "ptmx", 0);
    if (::symlinkat(link.target, dev.get(), link.name) < 0 && errno != EEXIST)
      sys::throw_errno(errno, "symlink", {"'/dev/" + std::string(link.name) + "'"});
  }
  if (sys::exists("/proc/kcore")) (void)!::symlinkat("/proc/kcore", dev.get(), "core");
}

void create_console(InitContext& context) {
  if (!context.terminal) return;
  sys::UniqueFd dev = sys::make_directories_in_root(context.root.get(), "/dev", 0755);
  // Never through what an image left at /dev/console (attacks R11, R12).
  ::unlinkat(dev.get(), "console", 0);
  sys::UniqueFd target =
      sys::open_at(dev.get(), "console", O_CREAT | O_EXCL | O_NOFOLLOW | O_RDONLY, 0620);
  sys::attach_mount(sys::clone_mount(context.terminal.get(), "", false).get(), target.get());
}

}  // namespace ctr::runtime
