#include "image/layer_metadata.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "runtime/sys/error.h"
#include "runtime/sys/file.h"
#include "runtime/sys/path.h"

namespace ctr::image {

namespace {

using sys::check;
using sys::UniqueFd;

// An ext4 inode's attributes share one block: larger values do not fit, however empty the disk is.
constexpr size_t attribute_block = 4096 - 512;

// Only root may give files away; a test or a build without privileges keeps its own id.
bool keeps_owners() {
  static const bool privileged = ::geteuid() == 0;
  return privileged;
}

// What a file system does not have or does not take is left out, as every engine does: an image
// made where SELinux labels files must run where it does not.
bool may_be_ignored(int error_number, size_t size) {
  switch (error_number) {
    case ENOTSUP:
    case EPERM:
    case EINVAL:
    case E2BIG:
    case ERANGE:
      return true;
    case ENOSPC:
      return size > attribute_block;
    default:
      return false;
  }
}

template <class Set>
void set_xattrs(const LayerEntry& entry, Set set) {
  for (const auto& [name, value] : entry.xattrs)
    if (set(name.c_str(), value.data(), value.size()) < 0 && !may_be_ignored(errno, value.size()))
      sys::throw_errno(errno, "setxattr", {"'" + entry.path + "'", "'" + name + "'"});
}

}  // namespace

void apply_metadata(int fd, const LayerEntry& entry) {
  if (keeps_owners()) check(::fchown(fd, entry.uid, entry.gid), "chown", entry.path);
  set_xattrs(entry, [&](const char* name, const char* value, size_t size) {
    return ::fsetxattr(fd, name, value, size, 0);
  });
  check(::fchmod(fd, entry.mode), "chmod", entry.path);
  timespec times[2] = {entry.mtime, entry.mtime};
  check(::futimens(fd, times), "utimens", entry.path);
}

void apply_metadata(int parent, const std::string& name, const LayerEntry& entry) {
  if (keeps_owners())
    check(::fchownat(parent, name.c_str(), entry.uid, entry.gid, AT_SYMLINK_NOFOLLOW), "chown",
          entry.path);
  bool is_link = entry.kind == EntryKind::symlink;
  if (!is_link || !entry.xattrs.empty()) {
    // The magic link leads to the object itself, even to a symbolic link, and no further.
    UniqueFd object = sys::open_at(parent, name, O_PATH | O_NOFOLLOW);
    const std::string path = sys::fd_path(object.get());
    set_xattrs(entry, [&](const char* key, const char* value, size_t size) {
      return ::setxattr(path.c_str(), key, value, size, 0);
    });
    if (!is_link) check(::chmod(path.c_str(), entry.mode), "chmod", entry.path);
  }
  timespec times[2] = {entry.mtime, entry.mtime};
  check(::utimensat(parent, name.c_str(), times, AT_SYMLINK_NOFOLLOW), "utimens", entry.path);
}

}  // namespace ctr::image
