#include "daemon/disk_usage.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <set>
#include <utility>

#include "runtime/sys/file.h"

namespace ctr::daemon {

namespace {

constexpr int depth_limit = 1000;  // what a descriptor for each level allows

uint64_t size_below(int directory, std::set<std::pair<dev_t, ino_t>>& linked, int depth) {
  uint64_t size = 0;
  for (const std::string& name : sys::list_directory(directory)) {
    struct stat status {};
    if (::fstatat(directory, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) < 0) continue;
    if (S_ISDIR(status.st_mode) && depth < depth_limit) {
      if (auto child = sys::find_at(directory, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW))
        size += size_below(child->get(), linked, depth + 1);
    } else if (S_ISREG(status.st_mode)) {
      bool seen = status.st_nlink > 1 && !linked.emplace(status.st_dev, status.st_ino).second;
      if (!seen) size += static_cast<uint64_t>(status.st_size);
    }
  }
  return size;
}

}  // namespace

uint64_t tree_size(const std::string& path) {
  auto directory = sys::find_at(AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  if (!directory) return 0;
  std::set<std::pair<dev_t, ino_t>> linked;
  return size_below(directory->get(), linked, 0);
}

}  // namespace ctr::daemon
