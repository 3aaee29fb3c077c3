#include "image/snapshotter.h"

#include <sys/stat.h>
#include <sys/xattr.h>

#include "image/whiteouts.h"
#include "runtime/sys/error.h"
#include "runtime/sys/file.h"

namespace ctr::image {

namespace {

void make_directory(const std::string& path, mode_t mode) {
  if (::mkdir(path.c_str(), mode) < 0) {
    if (errno == EEXIST) return;
    sys::throw_errno(errno, "mkdir", {"'" + path + "'"});
  }
  sys::check(::chmod(path.c_str(), mode), "chmod", path);  // whatever the umask is
}

// The kernel never asks a layer's root directory whether it is opaque: roots are always merged.
bool hides_all_below(const std::string& layer) {
  char value = 0;
  return ::lgetxattr(layer.c_str(), opaque_xattr, &value, 1) == 1 && value == 'y';
}

}  // namespace

Snapshotter::Snapshotter(const LayerStore& layers, std::string trash)
    : layers_(layers), trash_(std::move(trash)) {}

std::vector<std::string> Snapshotter::lower_directories(const std::vector<Digest>& diff_ids) const {
  std::vector<std::string> lower;
  for (auto diff_id = diff_ids.rbegin(); diff_id != diff_ids.rend(); ++diff_id) {
    if (!layers_.find(*diff_id))
      throw sys::Error(sys::ErrorKind::internal,
                       fmt::format("layer {} is missing: pull the image again", diff_id->text()));
    lower.push_back(layers_.path(*diff_id));
    if (hides_all_below(lower.back())) break;
  }
  return lower;
}

Snapshot Snapshotter::describe(const std::vector<Digest>& diff_ids,
                               const std::string& container_directory) const {
  Snapshot snapshot;
  snapshot.lower = lower_directories(diff_ids);
  // overlayfs wants one layer at least.
  if (snapshot.lower.empty()) snapshot.lower.push_back(container_directory + "/empty");
  snapshot.upper = container_directory + "/upper";
  snapshot.work = container_directory + "/work";
  return snapshot;
}

Snapshot Snapshotter::prepare(const std::vector<Digest>& diff_ids,
                              const std::string& container_directory) {
  Snapshot snapshot = describe(diff_ids, container_directory);
  if (diff_ids.empty()) make_directory(snapshot.lower.front(), 0755);
  // The container's "/" has the upper directory's owner and mode: root and 0755, as in Docker.
  // Images packed from a private temporary directory would shut out all other users.
  make_directory(snapshot.upper, 0755);
  make_directory(snapshot.work, 0700);
  return snapshot;
}

}  // namespace ctr::image
