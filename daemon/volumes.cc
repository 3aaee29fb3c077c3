#include "daemon/volumes.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cstdio>

#include "runtime/sys/error.h"
#include "runtime/sys/file.h"

namespace ctr::daemon {

Volumes::Volumes(std::string directory) : directory_(std::move(directory)) {
  sys::make_directories(directory_, 0711);
}

std::string Volumes::path(const std::string& name) const {
  return directory_ + "/" + name + "/_data";
}

bool Volumes::exists(const std::string& name) const {
  return sys::exists(path(name));
}

std::string Volumes::ensure(const std::string& name) {
  std::string data = path(name);
  if (sys::exists(data)) return data;
  // 0701 as Docker has it: root's alone, but what lies below can be reached by its owner's path.
  sys::make_directories(directory_ + "/" + name, 0701);
  if (::mkdir(data.c_str(), 0755) < 0 && errno != EEXIST)
    sys::throw_errno(errno, "mkdir", {"'" + data + "'"});
  sys::sync_directory(directory_);  // a volume may not be lost by a power cut
  return data;
}

void Volumes::remove(const std::string& name) {
  // Out of sight in one step, so that a crash leaves no half of a volume under its name.
  std::string gone = directory_ + "/.removed-" + sys::random_hex(8);
  if (::rename((directory_ + "/" + name).c_str(), gone.c_str()) < 0) {
    if (errno == ENOENT) return;
    sys::throw_errno(errno, "rename", {"'" + directory_ + "/" + name + "'"});
  }
  sys::remove_tree(gone);
}

}  // namespace ctr::daemon
