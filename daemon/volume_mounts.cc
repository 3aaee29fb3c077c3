#include "daemon/volume_mounts.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "runtime/mount_plan.h"
#include "runtime/sys/error.h"
#include "runtime/sys/file.h"
#include "runtime/sys/mount.h"

namespace ctr::daemon {

namespace {

// Whether something is mounted there: then it lies on another device than what it is mounted in.
bool is_mounted(const std::string& path) {
  struct stat here {};
  struct stat above {};
  return ::stat(path.c_str(), &here) == 0 && ::stat((path + "/..").c_str(), &above) == 0 &&
         here.st_dev != above.st_dev;
}

// Private: nothing of it shows in other mount namespaces of the host, where it would outlive its
// volume.
void mount_filesystem(const Volume& volume, const VolumeSource& source) {
  runtime::Mount wanted;
  wanted.destination = volume.mountpoint;
  wanted.type = source.filesystem;
  wanted.options = source.options;
  const runtime::MountPlan plan = runtime::plan_mount(wanted);
  sys::UniqueFd mount = sys::make_filesystem({.type = source.filesystem,
                                              .source = source.device,
                                              .options = plan.filesystem_options,
                                              .attributes = plan.attributes_set});
  sys::UniqueFd target =
      sys::open_at(AT_FDCWD, volume.mountpoint, O_PATH | O_DIRECTORY | O_NOFOLLOW);
  sys::attach_mount(mount.get(), target.get());
  sys::set_mount_attributes(mount.get(), 0, 0, MS_PRIVATE, false);
}

// Out of sight at once; a container that ends this very moment may still have it open.
void take_down(const std::string& path) {
  while (is_mounted(path)) sys::unmount(path, MNT_DETACH | UMOUNT_NOFOLLOW);
}

}  // namespace

void VolumeMounts::acquire(const Volume& volume, const VolumeSource& source,
                           const std::string& container_id) {
  std::lock_guard lock(mutex_);
  if (!is_mounted(volume.mountpoint)) mount_filesystem(volume, source);
  users_[volume.mountpoint].insert(container_id);
}

void VolumeMounts::remember(const Volume& volume, const std::string& container_id) {
  std::lock_guard lock(mutex_);
  users_[volume.mountpoint].insert(container_id);
}

void VolumeMounts::release(const std::string& container_id) {
  std::lock_guard lock(mutex_);
  for (auto entry = users_.begin(); entry != users_.end();) {
    entry->second.erase(container_id);
    if (!entry->second.empty()) {
      ++entry;
      continue;
    }
    take_down(entry->first);
    entry = users_.erase(entry);
  }
}

void VolumeMounts::release_unowned(const std::vector<Volume>& volumes) {
  std::lock_guard lock(mutex_);
  for (const Volume& volume : volumes)
    if (!users_.contains(volume.mountpoint)) take_down(volume.mountpoint);
}

}  // namespace ctr::daemon
