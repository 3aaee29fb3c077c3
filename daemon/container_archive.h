// A container's files as the archive routes show and take them (docker cp): over a descriptor of
// its root directory, inside of which every name and link stays. Runs in: ctrd.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "image/id_range.h"
#include "runtime/sys/timestamp.h"
#include "runtime/sys/unique_fd.h"

namespace ctr::daemon {

// What HEAD answers. The last component is not followed, unless the path ends in "/" or "/.".
struct PathStat {
  std::string name;   // the last component as asked for: "/" of the root, "." of "dir/."
  uint64_t size = 0;  // bytes
  uint32_t mode = 0;  // Go's os.FileMode: see go_file_mode
  sys::Timestamp mtime = 0;
  std::string link_target;  // of a symbolic link: the path that it leads to, inside the container
};

// st_mode as Go's os.FileMode has it, which is what Docker's clients compute with. Pure.
uint32_t go_file_mode(mode_t mode);

// A path that was found inside the root.
struct FoundPath {
  sys::UniqueFd parent;  // O_PATH; of the root itself: the root
  std::string name;      // in it; "." for the root and where the path ends in "/" or "/."
  PathStat stat;
};
// nullopt: there is no such path.
std::optional<FoundPath> find_path(int root, const std::string& path);

// Writes what was found, and all below it, as a tar: its names begin with stat.name. `sink` as of
// image::TreeArchive, `ids` those of VisitedRoot.
void pack(const FoundPath& found, const image::IdRanges& ids, const std::function<bool(std::string_view)>& sink);

struct UnpackOptions {
  bool keep_kinds =
      false;  // a directory does not take the place of something else, nor the reverse
  std::optional<std::pair<uid_t, gid_t>> owner;  // of all entries, instead of the archive's
  image::IdRanges ids{};                         // those of VisitedRoot
};
// Unpacks a tar (plain, gzip or zstd), read piece by piece (empty at the end), into the directory
// `path`. Throws Error{not_found} where there is none, {invalid_argument} for what is no directory
// and for a malformed archive, {forbidden} where the file system is read-only.
void unpack_into(int root, const std::string& path, const std::function<std::string_view()>& source,
                 const UnpackOptions& options);

// Copies what lies in the directory `path` inside the root, and that directory's owner, mode and
// attributes, to the empty directory `target` of the host: in one step, so that nobody ever sees
// half of it. Nothing happens where there is no such directory.
void copy_tree(int root, const std::string& path, const std::string& target);

}  // namespace ctr::daemon
