#include "daemon/container_changes.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <optional>

#include "image/whiteouts.h"
#include "runtime/sys/error.h"
#include "runtime/sys/file.h"

namespace ctr::daemon {

namespace {

constexpr int directory_flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW;

// The directories of the layers below that show through at one place, the topmost first.
using Below = std::vector<sys::UniqueFd>;

bool is_there(const Below& below, const std::string& name) {
  for (const sys::UniqueFd& layer : below) {
    struct stat status {};
    if (::fstatat(layer.get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) < 0) continue;
    return !(S_ISCHR(status.st_mode) && status.st_rdev == ::makedev(0, 0));
  }
  return false;
}

Below descend(const Below& below, const std::string& name) {
  Below inner;
  for (const sys::UniqueFd& layer : below) {
    if (image::is_overlay_whiteout(layer.get(), name)) break;
    if (auto directory = sys::find_at(layer.get(), name, directory_flags))
      inner.push_back(std::move(*directory));
  }
  return inner;
}

class Search {
 public:
  std::vector<FileChange> run(const image::Snapshot& snapshot) {
    Below below;
    for (const std::string& layer : snapshot.lower)
      below.push_back(sys::open_at(AT_FDCWD, layer, directory_flags));
    sys::UniqueFd upper = sys::open_at(AT_FDCWD, snapshot.upper, directory_flags);
    look(upper.get(), below, "");
    std::sort(changes_.begin(), changes_.end(),
              [](const FileChange& a, const FileChange& b) { return a.path < b.path; });
    return std::move(changes_);
  }

 private:
  void look(int upper, const Below& below, const std::string& path) {
    for (const std::string& name : sys::list_directory(upper))
      look_at(upper, name, below, path + "/" + name);
  }

  void look_at(int upper, const std::string& name, const Below& below, const std::string& path) {
    struct stat status {};
    if (::fstatat(upper, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) < 0) return;  // gone meanwhile
    if (S_ISCHR(status.st_mode) && status.st_rdev == ::makedev(0, 0)) {
      if (is_there(below, name)) changes_.push_back({path, ChangeKind::deleted});
      return;
    }
    std::optional<sys::UniqueFd> directory;
    if (S_ISDIR(status.st_mode)) directory = sys::find_at(upper, name, directory_flags);
    const bool was_there = is_there(below, name);
    if (!directory) {
      bool is_ours = status.st_size == 0 && engine_paths().contains(path.substr(1));
      if (!is_ours)
        changes_.push_back({path, was_there ? ChangeKind::modified : ChangeKind::added});
      return;
    }
    const size_t before = changes_.size();
    look(directory->get(), descend(below, name), path);
    // A directory that only leads to a place where the engine mounts something is no change.
    const bool leads_to_ours =
        std::any_of(engine_paths().begin(), engine_paths().end(), [&](const std::string& ours) {
          return ours == path.substr(1) || ours.starts_with(path.substr(1) + "/");
        });
    if (changes_.size() == before && leads_to_ours) return;
    changes_.push_back({path, was_there ? ChangeKind::modified : ChangeKind::added});
  }

  std::vector<FileChange> changes_;
};

}  // namespace

const std::set<std::string>& engine_paths() {
  static const std::set<std::string> paths{
      ".dockerenv", "dev",          "dev/console",     "dev/mqueue", "dev/pts", "dev/shm",
      "etc/hosts",  "etc/hostname", "etc/resolv.conf", "proc",       "sys",     "sbin/docker-init"};
  return paths;
}

std::vector<FileChange> find_changes(const image::Snapshot& snapshot) {
  return Search().run(snapshot);
}

}  // namespace ctr::daemon
