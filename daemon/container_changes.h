// What a container changed in its image's files, read from the overlay's upper directory, which is
// hostile: nothing is followed and nothing is opened but directories. Runs in: ctrd.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "image/snapshotter.h"

namespace ctr::daemon {

enum class ChangeKind { modified = 0, added = 1, deleted = 2 };  // Docker's numbers

struct FileChange {
  std::string path;  // "/etc/passwd"
  ChangeKind kind = ChangeKind::modified;
};

// By path.
std::vector<FileChange> find_changes(const image::Snapshot& snapshot);

// Where the engine mounts its own files: empty ones there are no change of the container's. Without
// the first slash.
const std::set<std::string>& engine_paths();

}  // namespace ctr::daemon
