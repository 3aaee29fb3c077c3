// The file systems of volumes that containers share (the local driver's type=tmpfs): mounted on the
// host at the volume's directory while a container that uses it runs, as Docker does. Nothing else
// of ours is mounted on the host; what a crash leaves is taken down by the next daemon. Owned by
// Containers. Runs in: ctrd. Thread-safe.
#pragma once

#include <map>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "daemon/volumes.h"

namespace ctr::daemon {

class VolumeMounts {
 public:
  // A container that starts uses the volume: its file system is mounted, unless another one uses it
  // already.
  void acquire(const Volume& volume, const VolumeSource& source, const std::string& container_id);
  // Recovery: a container runs that uses it, whatever is mounted.
  void remember(const Volume& volume, const std::string& container_id);
  // The container has ended: what it was the last to use goes, and its content.
  void release(const std::string& container_id);
  // Recovery: of these volumes, what no container was said to use.
  void release_unowned(const std::vector<Volume>& volumes);

 private:
  std::mutex mutex_;
  std::map<std::string, std::set<std::string>> users_;  // mount point → containers
};

}  // namespace ctr::daemon
