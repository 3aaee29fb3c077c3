#include "image/whiteouts.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include <functional>
#include <optional>
#include <unordered_set>

#include "runtime/sys/error.h"
#include "runtime/sys/file.h"

namespace ctr::image {

namespace {

using sys::check;
using sys::UniqueFd;

constexpr int open_directory = O_RDONLY | O_DIRECTORY | O_NOFOLLOW;

struct stat status_of(int fd) {
  struct stat status {};
  check(::fstat(fd, &status), "stat");
  return status;
}

std::optional<struct stat> find_status(int parent, const std::string& name) {
  struct stat status {};
  if (::fstatat(parent, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0) return status;
  if (errno != ENOENT) sys::throw_errno(errno, "stat", {"'" + name + "'"});
  return std::nullopt;
}

void make_opaque(int directory) {
  check(::fsetxattr(directory, opaque_xattr, "y", 1, 0), "setxattr", opaque_xattr);
}

class OverlayWhiteouts : public Whiteouts {
 public:
  void hide(int parent, const std::string& name) override {
    if (::mknodat(parent, name.c_str(), S_IFCHR, ::makedev(0, 0)) == 0) return;
    if (errno != EEXIST) sys::throw_errno(errno, "mknod", {"'" + name + "'"});
    // This layer brought the name itself: a file hides the one below anyway, a directory must not
    // be merged with it.
    std::optional<UniqueFd> directory = sys::find_at(parent, name, O_PATH | O_NOFOLLOW);
    if (directory && S_ISDIR(status_of(directory->get()).st_mode))
      make_opaque(sys::open_at(parent, name, open_directory).get());
  }
  void hide_content(int directory) override { make_opaque(directory); }
  void added(int, const std::string&) override {}
  void made_directory(int directory, bool replaced) override {
    if (replaced) make_opaque(directory);
  }
};

// Knows what the layer brought. An inode's number that is reused is reused by the layer, for nobody
// else writes here, so that the sets stay true.
class DeletingWhiteouts : public Whiteouts {
 public:
  explicit DeletingWhiteouts(int root) { touched_.insert(status_of(root).st_ino); }

  void hide(int parent, const std::string& name) override {
    std::optional<struct stat> status = find_status(parent, name);
    if (status && !keep(parent, name, *status, is_added(status_of(parent).st_ino, name)))
      sys::remove_tree(parent, name);
  }

  void hide_content(int directory) override { clear(sys::open_at(directory, ".", open_directory)); }

  void added(int parent, const std::string& name) override {
    ino_t inode = status_of(parent).st_ino;
    if (!clean_.contains(inode)) added_.insert(key(inode, name));
    touch(parent, inode);
  }

  void made_directory(int directory, bool) override { clean_.insert(status_of(directory).st_ino); }

 private:
  static uint64_t key(ino_t parent, const std::string& name) {
    return std::hash<std::string>{}(name) ^ (uint64_t{parent} * 0x9e3779b97f4a7c15U);
  }
  bool is_added(ino_t parent, const std::string& name) const {
    return clean_.contains(parent) || added_.contains(key(parent, name));
  }

  // All directories above one that the layer wrote into, up to the first that is known already; the
  // root is, so that this never leaves it.
  void touch(int directory, ino_t inode) {
    UniqueFd above;
    while (touched_.insert(inode).second) {
      above = sys::open_at(above ? above.get() : directory, "..", O_PATH | O_DIRECTORY);
      inode = status_of(above.get()).st_ino;
    }
  }

  // Rids an entry of what was there before the layer; true if any of it is the layer's and stays.
  bool keep(int parent, const std::string& name, const struct stat& status, bool stays) {
    if (S_ISDIR(status.st_mode) && (stays || touched_.contains(status.st_ino)))
      stays |= clear(sys::open_at(parent, name, open_directory));
    return stays;
  }

  // The same for a directory's content. Each directory is gone through once, and those that the
  // layer did not touch not at all, however many whiteouts it has (D04).
  bool clear(UniqueFd directory) {
    struct stat before = status_of(directory.get());
    if (!clean_.insert(before.st_ino).second) return true;
    bool kept = false;
    for (const std::string& name : sys::list_directory(directory.get())) {
      std::optional<struct stat> status = find_status(directory.get(), name);
      if (!status) continue;
      if (keep(directory.get(), name, *status, added_.contains(key(before.st_ino, name))))
        kept = true;
      else
        sys::remove_tree(directory.get(), name);
    }
    timespec times[2] = {{0, UTIME_OMIT}, before.st_mtim};
    check(::futimens(directory.get(), times), "utimens");
    return kept;
  }

  std::unordered_set<ino_t> clean_;    // directories that hold nothing but the layer's own
  std::unordered_set<ino_t> touched_;  // directories with something of the layer's in or below them
  std::unordered_set<uint64_t> added_;  // names that the layer brought, in directories not clean
};

}  // namespace

std::unique_ptr<Whiteouts> make_overlay_whiteouts() {
  return std::make_unique<OverlayWhiteouts>();
}
std::unique_ptr<Whiteouts> make_deleting_whiteouts(int root) {
  return std::make_unique<DeletingWhiteouts>(root);
}

bool is_overlay_whiteout(int parent, const std::string& name) {
  std::optional<struct stat> status = find_status(parent, name);
  return status && S_ISCHR(status->st_mode) && status->st_rdev == ::makedev(0, 0);
}

}  // namespace ctr::image
