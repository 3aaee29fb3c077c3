#include "image/layer_tree.h"

#include <fcntl.h>

#include "runtime/sys/error.h"
#include "runtime/sys/file.h"
#include "runtime/sys/path.h"

namespace ctr::image {

namespace {

using sys::check;
using sys::UniqueFd;

constexpr int directory_flags = O_RDONLY | O_DIRECTORY;
constexpr mode_t implied_mode = 0755;

}  // namespace

timespec modification_time(int directory) {
  struct stat status {};
  check(::fstat(directory, &status), "stat");
  return status.st_mtim;
}

void set_modification_time(int directory, timespec time) {
  timespec times[2] = {{0, UTIME_OMIT}, time};
  check(::futimens(directory, times), "utimens");
}

int LayerTree::open_parent(const std::string& path) {
  if (parent_ && !names_changed_ && parent_path_ == path) return parent_.get();
  leave();
  parent_ = open_or_make(path);
  parent_path_ = path;
  parent_mtime_ = modification_time(parent_.get());
  return parent_.get();
}

void LayerTree::leave() {
  names_changed_ = false;
  if (!parent_) return;
  set_modification_time(parent_.get(), parent_mtime_);
  parent_.reset();
}

std::optional<UniqueFd> LayerTree::find_directory(const std::string& path) const {
  return sys::find_in_root(root_, path, directory_flags);
}

UniqueFd LayerTree::open_or_make(const std::string& path) {
  if (std::optional<UniqueFd> found = find_directory(path)) return std::move(*found);
  UniqueFd directory = sys::open_in_root(root_, "", directory_flags);
  std::string prefix;
  for (const std::string& name : sys::split_path(path)) {
    prefix += prefix.empty() ? name : "/" + name;
    std::optional<UniqueFd> next = find_directory(prefix);
    directory = next ? std::move(*next) : make_directory(directory.get(), name, prefix);
  }
  return directory;
}

UniqueFd LayerTree::make_directory(int parent, const std::string& name, const std::string& path) {
  timespec before = modification_time(parent);
  if (std::optional<UniqueFd> entry = sys::find_at(parent, name, O_PATH | O_NOFOLLOW)) {
    struct stat status {};
    check(::fstat(entry->get(), &status), "stat", path);
    // A dangling link: what it points to is made, inside the root.
    if (S_ISLNK(status.st_mode)) {
      UniqueFd target = sys::make_directories_in_root(root_, path, implied_mode);
      return sys::reopen(target.get(), directory_flags);
    }
  }
  bool replaced = make_entry(parent, name);
  UniqueFd made = sys::open_at(parent, name, directory_flags | O_NOFOLLOW);
  check(::fchmod(made.get(), implied_mode), "chmod", path);  // whatever the umask is
  whiteouts_.made_directory(made.get(), replaced);
  set_modification_time(parent, before);
  return made;
}

bool LayerTree::make_entry(int parent, const std::string& name) {
  if (::mkdirat(parent, name.c_str(), implied_mode) == 0) return false;
  if (errno != EEXIST) sys::throw_errno(errno, "mkdir", {"'" + name + "'"});
  if (!is_overlay_whiteout(parent, name)) sys::throw_errno(ENOTDIR, "mkdir", {"'" + name + "'"});
  check(::unlinkat(parent, name.c_str(), 0), "unlink", name);
  check(::mkdirat(parent, name.c_str(), implied_mode), "mkdir", name);
  return true;
}

}  // namespace ctr::image
