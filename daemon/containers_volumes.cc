// Volumes of containers: made with them, filled from their image, and who uses which.
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>

#include "daemon/container_archive.h"
#include "daemon/containers.h"
#include "runtime/sys/error.h"
#include "runtime/sys/file.h"
#include "runtime/sys/path.h"

namespace ctr::daemon {

namespace {

// A part of a volume (--mount volume-subpath=…) must be there. What it is then, nobody knows before it is
// mounted, and it is found again, inside the volume, by whoever does that (attack R06).
void check_subpath(const MountPoint& mount) {
  if (mount.subpath.empty()) return;
  if (!mount.filesystem.empty())
    throw sys::Error(sys::ErrorKind::unsupported,
                     fmt::format("volume {}: a part of a volume that is a file system of its own "
                                 "cannot be mounted",
                                 mount.name));
  sys::UniqueFd top = sys::open_at(AT_FDCWD, mount.source, O_PATH | O_DIRECTORY);
  if (!sys::find_in_root(top.get(), mount.subpath, O_PATH))
    throw sys::Error(sys::ErrorKind::invalid_argument,
                     fmt::format("cannot access path {}/{}: no such file or directory",
                                 mount.source, mount.subpath));
}

bool is_empty_directory(const std::string& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode) &&
         sys::list_directory(path).empty();
}

// Is there anything at the path in one of the layers? Cheaper than a mount, and mostly the answer
// is no; a whiteout above may make it wrong, which the look through the overlay then finds out.
bool may_have_path(const image::Snapshot& snapshot, const std::string& path) {
  return std::any_of(snapshot.lower.begin(), snapshot.lower.end(), [&](const std::string& layer) {
    sys::UniqueFd root = sys::open_at(AT_FDCWD, layer, O_PATH | O_DIRECTORY);
    return sys::find_in_root(root.get(), path, O_PATH | O_DIRECTORY).has_value();
  });
}

}  // namespace

std::vector<Volumes::Hold> Containers::make_mounts(ContainerRecord& record) {
  std::vector<Volumes::Hold> holds;
  for (MountPoint& mount : record.mounts) {
    if (mount.type == "bind" && !mount.create_source && !sys::exists(mount.source))
      throw sys::Error(sys::ErrorKind::invalid_argument,
                       fmt::format("invalid mount config for type \"bind\": bind source path does "
                                   "not exist: {}",
                                   mount.source));
    if (mount.type != "volume") continue;
    Volumes::Ensured ensured = volumes_.ensure({.name = mount.name,
                                                .mountpoint = {},
                                                .labels = mount.volume_labels,
                                                .options = mount.volume_options});
    holds.push_back(std::move(ensured.hold));
    mount.name = ensured.volume.name;
    VolumeSource source = plan_volume_source(ensured.volume);
    mount.source = source.path.empty() ? source.device : source.path;
    mount.filesystem = source.shared ? "" : source.filesystem;
    mount.filesystem_options = source.shared ? std::vector<std::string>{} : source.options;
    check_subpath(mount);
  }
  return holds;
}

std::optional<Containers::SharedVolume> Containers::find_shared(const MountPoint& mount) const {
  if (mount.type != "volume") return std::nullopt;
  std::optional<Volume> volume = volumes_.find(mount.name);
  if (!volume) return std::nullopt;
  VolumeSource source = plan_volume_source(*volume);
  if (!source.shared) return std::nullopt;
  return SharedVolume{std::move(*volume), std::move(source)};
}

void Containers::mount_volumes(const ContainerRecord& record) {
  for (const MountPoint& mount : record.mounts)
    if (auto shared = find_shared(mount))
      volume_mounts_.acquire(shared->volume, shared->source, record.id);
}

// Those of containers that run are used; what else is mounted, a daemon before us left.
void Containers::recover_volumes() {
  for (const ContainerSnapshot& container : list()) {
    if (!container.live.state.alive()) continue;
    for (const MountPoint& mount : container.record.mounts)
      if (auto shared = find_shared(mount))
        volume_mounts_.remember(shared->volume, container.record.id);
  }
  std::vector<Volume> shared = volumes_.list();
  std::erase_if(shared, [](const Volume& volume) { return !plan_volume_source(volume).shared; });
  volume_mounts_.release_unowned(shared);
}

// As Docker: an empty volume begins with what the image has in its place, owner and mode included.
void Containers::fill_volumes(const ContainerRecord& record) {
  image::Snapshot snapshot = launcher_.snapshot(record);
  std::vector<MountPoint> wanted;
  for (const MountPoint& mount : record.mounts)
    if (mount.type == "volume" && !mount.no_copy && mount.filesystem.empty() &&
        !find_shared(mount) && mount.subpath.empty() && is_empty_directory(mount.source) &&
        may_have_path(snapshot, mount.destination))
      wanted.push_back(mount);
  if (wanted.empty()) return;
  visit_stopped_root(
      {.snapshot = snapshot, .mounts = {}, .directory = launcher_.directory(record.id)},
      [&](const VisitedRoot& root) {
        for (const MountPoint& mount : wanted) copy_tree(root.directory, mount.destination, mount.source);
      });
}

std::vector<std::string> Containers::users_of_volume(const std::string& name) const {
  std::vector<std::string> ids;
  for (const ContainerSnapshot& container : list())
    for (const MountPoint& mount : container.record.mounts)
      if (mount.type == "volume" && mount.name == name) {
        ids.push_back(container.record.id);
        break;
      }
  return ids;
}

void Containers::remove_volume(const std::string& name) {
  volumes_.remove(name, [this](const std::string& volume) { return users_of_volume(volume); });
}

// Those that came with the container and that nobody else has come to use.
void Containers::remove_anonymous_volumes(const ContainerRecord& record) {
  for (const MountPoint& mount : record.mounts) {
    if (!mount.anonymous) continue;
    try {
      remove_volume(mount.name);
    } catch (const sys::Error& error) {
      if (error.kind() != sys::ErrorKind::conflict && error.kind() != sys::ErrorKind::not_found)
        throw;
    }
  }
}

void Containers::publish_volumes(const ContainerRecord& record, const std::string& action) {
  for (const MountPoint& mount : record.mounts) {
    if (mount.type != "volume") continue;
    std::map<std::string, std::string> attributes{{"container", record.id}, {"driver", "local"}};
    if (action == "mount") {
      attributes["destination"] = mount.destination;
      attributes["propagation"] = mount.propagation;
      attributes["read/write"] = mount.writable ? "true" : "false";
    }
    services_.events.publish({.type = "volume",
                              .action = action,
                              .id = mount.name,
                              .attributes = std::move(attributes)});
  }
}

}  // namespace ctr::daemon
