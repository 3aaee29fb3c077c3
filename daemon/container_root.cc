#include "daemon/container_root.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <algorithm>
#include <future>

#include "runtime/file_ids.h"
#include "runtime/overlay.h"
#include "runtime/sys/error.h"
#include "runtime/sys/file.h"
#include "runtime/sys/mount.h"
#include "runtime/sys/path.h"
#include "runtime/sys/process.h"

namespace ctr::daemon {

namespace {

// Where a volume goes. A container that has never run may lack it.
sys::UniqueFd make_mount_point(int root, const std::string& path, bool is_directory) {
  if (auto found = sys::find_in_root(root, path, O_PATH)) return std::move(*found);
  if (is_directory) return sys::make_directories_in_root(root, path, 0755);
  sys::ParentAndName place = sys::open_parent_in_root(root, path, 0755);
  return sys::open_at(place.parent.get(), place.name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW,
                      0644);
}

// A part of a volume is found inside of it, wherever the links lead that are in there (attack R06).
std::optional<sys::UniqueFd> find_source(const MountPoint& mount) {
  sys::UniqueFd source = sys::open_at(AT_FDCWD, mount.source, O_PATH);
  if (mount.subpath.empty()) return source;
  return sys::find_in_root(source.get(), mount.subpath, O_PATH);
}

// A volume that is not there yet is made by the start, and a tmpfs is empty.
void mount_volume(int root, const MountPoint& mount) {
  if (!mount.filesystem.empty() || mount.source.empty() || !sys::exists(mount.source)) return;
  std::optional<sys::UniqueFd> source = find_source(mount);
  if (!source) return;
  struct stat status {};
  sys::check(::fstat(source->get(), &status), "stat", mount.source);
  sys::UniqueFd copy = sys::clone_mount(source->get(), "", !mount.non_recursive);
  if (!mount.writable) sys::set_mount_attributes(copy.get(), MOUNT_ATTR_RDONLY, 0, 0, true);
  sys::UniqueFd target = make_mount_point(root, mount.destination, S_ISDIR(status.st_mode));
  sys::attach_mount(copy.get(), target.get());
}

void mount_and_visit(const StoppedRoot& root, const RootVisit& visit) {
  sys::check(::unshare(CLONE_NEWNS), "unshare the mount namespace");
  sys::mount_by_path("", "/", "", MS_REC | MS_PRIVATE, "");
  const image::Snapshot& snapshot = root.snapshot;
  sys::UniqueFd overlay = runtime::attach_overlay(
      {.lower = snapshot.lower, .upper = snapshot.upper, .work = snapshot.work}, root.directory);
  std::vector<MountPoint> mounts = root.mounts;
  // "/a" before "/a/b".
  std::sort(mounts.begin(), mounts.end(),
            [](const MountPoint& a, const MountPoint& b) { return a.destination < b.destination; });
  for (const MountPoint& mount : mounts) mount_volume(overlay.get(), mount);
  if (root.readonly) sys::set_mount_attributes(overlay.get(), MOUNT_ATTR_RDONLY, 0, 0, false);
  {
    sys::UniqueFd top = sys::open_at(overlay.get(), ".", O_RDONLY | O_DIRECTORY);
    visit({.directory = top.get()});
  }
  // Else it would be gone a moment after the thread, and a start could come in between.
  overlay.reset();
  sys::unmount(root.directory, MNT_DETACH);
}

}  // namespace

void visit_running_root(const runtime::ContainerState& state, const image::IdRanges& ids,
                        const RootVisit& visit) {
  sys::Error gone(sys::ErrorKind::conflict, "the container is not running any more");
  auto process = sys::find_at(AT_FDCWD, "/proc/" + std::to_string(state.pid), O_PATH | O_DIRECTORY);
  // From here on the descriptor stands for this process, or for none.
  if (!process || sys::find_start_time(state.pid) != state.start_time) throw gone;
  int fd = ::openat(process->get(), "root", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0 && (errno == ENOENT || errno == ESRCH)) throw gone;
  sys::UniqueFd root(sys::check(fd, "open the container's root"));
  if (!ids.mapped()) return visit({.directory = root.get()});
  // Its file systems know no ids but its own: nothing can be made there by the host's root.
  std::async(std::launch::async, [&] {
    runtime::take_file_ids(ids.uids.first, ids.gids.first);
    visit({.directory = root.get(), .ids = ids});
  }).get();
}

void visit_stopped_root(const StoppedRoot& root, const RootVisit& visit) {
  std::async(std::launch::async, [&] { mount_and_visit(root, visit); }).get();
}

}  // namespace ctr::daemon
