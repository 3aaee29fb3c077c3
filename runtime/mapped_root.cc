#include "runtime/mapped_root.h"

#include <fcntl.h>
#include <linux/mount.h>
#include <sched.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "runtime/file_ids.h"
#include "runtime/launch_channel.h"
#include "runtime/overlay.h"
#include "runtime/sys/error.h"
#include "runtime/sys/file.h"
#include "runtime/sys/mount.h"
#include "runtime/user_namespace.h"

namespace ctr::runtime {

namespace {

// mount(2)'s flags; <sys/mount.h> and <linux/mount.h> exclude each other before glibc 2.37.
constexpr unsigned long ms_recursive = 16384;
constexpr unsigned long ms_private = 1u << 18;

// The directory is seen through the mapping from now on, in this mount namespace.
void map_in_place(const std::string& directory, int user_namespace) {
  sys::UniqueFd tree = sys::clone_mount(AT_FDCWD, directory, false);
  if (!map_mount_ids(tree.get(), user_namespace, false))
    throw sys::Error(
        sys::ErrorKind::invalid_argument,
        fmt::format(
            "a user namespace needs a file system whose ids can be mapped, and that of '{}' "
            "is none (ext4, xfs and btrfs are): {}; run it with --userns=host",
            directory, sys::errno_text(errno)),
        errno);
  sys::UniqueFd target = sys::open_at(AT_FDCWD, directory, O_PATH | O_DIRECTORY);
  sys::attach_mount(tree.get(), target.get());
}

sys::UniqueFd attach_mapped_overlay(const Overlay& overlay) {
  try {
    return attach_overlay(overlay, overlay.upper);
  } catch (const sys::Error& error) {
    if (error.error_number() != EINVAL) throw;
    throw sys::Error(
        sys::ErrorKind::unsupported,
        fmt::format("a user namespace needs an overlay whose layers are mapped, which Linux "
                    "has since 5.19: {}; run it with --userns=host",
                    error.what()),
        EINVAL);
  }
}

sys::UniqueFd make_overlay(const ContainerSpec& spec, int user_namespace) {
  const Overlay& overlay = *spec.root.overlay;
  for (const std::string& lower : overlay.lower) map_in_place(lower, user_namespace);
  // The two must be on one mount.
  map_in_place(overlay.upper.substr(0, overlay.upper.rfind('/')), user_namespace);
  // An overlay works on its layers with the ids of who mounted it, which must be ids that the
  // mapping knows.
  take_file_ids(host_root(spec.uid_mappings), host_root(spec.gid_mappings));
  return sys::clone_mount(attach_mapped_overlay(overlay).get(), "", false);
}

// Of a namespace that is not the container's own: a tmpfs in which nodes are devices, over /dev.
void make_nodes(const ContainerSpec& spec, const LaunchChannel& channel) {
  sys::UniqueFd nodes = sys::make_filesystem(
      {.type = "tmpfs", .source = "devices", .options = {{"mode", "755"}}, .attributes = 0});
  sys::attach_mount(nodes.get(), sys::open_at(AT_FDCWD, "/dev", O_PATH | O_DIRECTORY).get());
  ::umask(0);
  int number = 0;
  for (const Device& device : spec.devices) {
    const std::string name = std::to_string(number++);
    const mode_t type = device.type == 'b' ? S_IFBLK : device.type == 'p' ? S_IFIFO : S_IFCHR;
    const dev_t id =
        makedev(static_cast<unsigned>(device.major), static_cast<unsigned>(device.minor));
    sys::check(::mknodat(nodes.get(), name.c_str(), type | (device.mode & 07777), id), "mknod",
               device.path);
    sys::check(::fchownat(nodes.get(), name.c_str(), host_id(spec.uid_mappings, device.uid),
                          host_id(spec.gid_mappings, device.gid), AT_SYMLINK_NOFOLLOW),
               "chown", device.path);
    channel.send(Step::mounted, sys::clone_mount(nodes.get(), name, false).get());
  }
}

void make_and_send(const ContainerSpec& spec, int user_namespace,
                   const LaunchChannel& channel) noexcept {
  try {
    sys::check(::unshare(CLONE_NEWNS), "unshare the mount namespace");
    sys::mount_by_path("", "/", "", ms_private | ms_recursive, "");
    make_nodes(spec, channel);
    if (spec.root.overlay && spec.root.overlay->idmapped)
      channel.send(Step::mounted, make_overlay(spec, user_namespace).get());
  } catch (const sys::Error& error) {
    channel.send_failure("map the root file system", error, engine_failed);
  } catch (const std::exception& error) {
    channel.send_failure("map the root file system",
                         sys::Error(sys::ErrorKind::internal, error.what()), engine_failed);
  }
}

// Ends, with what it has attached, when its owner does.
class Helper {
 public:
  explicit Helper(pid_t pid) : pid_(pid) {}
  ~Helper() {
    ::kill(pid_, SIGKILL);
    (void)::waitpid(pid_, nullptr, 0);
  }
  Helper(const Helper&) = delete;
  Helper& operator=(const Helper&) = delete;

 private:
  pid_t pid_;
};

}  // namespace

MappedRoot make_mapped_root(const ContainerSpec& spec, int user_namespace) {
  std::pair<LaunchChannel, LaunchChannel> channel = make_launch_channel();
  const long pid = sys::check(::syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0), "clone");
  if (pid == 0) {
    make_and_send(spec, user_namespace, channel.second);
    ::_exit(0);
  }
  const Helper helper(static_cast<pid_t>(pid));
  { LaunchChannel closed = std::move(channel.second); }
  MappedRoot made;
  for (const Device& device : spec.devices)
    made.nodes.emplace(&device, channel.first.expect(Step::mounted));
  if (spec.root.overlay && spec.root.overlay->idmapped)
    made.overlay = channel.first.expect(Step::mounted);
  return made;
}

}  // namespace ctr::runtime
