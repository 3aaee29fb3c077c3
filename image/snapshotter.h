// A container's own view of its image: the layers below, and a directory of its own on top that
// takes what it writes. Here only the directories are made; the overlay is mounted by the
// container's first process, in its own mount namespace. Runs in: ctrd. Thread-safe.
#pragma once

#include <string>
#include <vector>

#include "image/digest.h"
#include "image/layer_store.h"
#include "image/trash.h"

namespace ctr::image {

// A value: overlayfs's options, as absolute paths.
struct Snapshot {
  std::vector<std::string> lower;  // topmost first; never empty
  std::string upper;
  std::string work;
};

class Snapshotter {
 public:
  // `trash` is a directory on the containers' file system for what is removed; made if missing.
  Snapshotter(const LayerStore& layers, std::string trash);

  // Makes upper, work and, for an image without layers, an empty lower directory below
  // `container_directory`, which must exist; those that are there stay as they are. `diff_ids` come
  // bottom first. Throws Error{internal} if a layer is missing.
  Snapshot prepare(const std::vector<Digest>& diff_ids, const std::string& container_directory);
  // The same directories without making any.
  Snapshot describe(const std::vector<Digest>& diff_ids,
                    const std::string& container_directory) const;

  // The container's whole directory: gone when this returns, deleted behind. Missing is fine.
  void remove(const std::string& container_directory) { trash_.put(container_directory); }
  // Blocks until what was removed is deleted.
  void wait_until_removed() { trash_.wait_until_empty(); }

 private:
  std::vector<std::string> lower_directories(const std::vector<Digest>& diff_ids) const;

  const LayerStore& layers_;
  Trash trash_;
};

}  // namespace ctr::image
