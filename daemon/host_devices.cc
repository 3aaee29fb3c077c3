#include "daemon/host_devices.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "runtime/sys/error.h"
#include "runtime/sys/file.h"

namespace ctr::daemon {

namespace {

constexpr std::array<std::string_view, 10> skipped{"pts",  "shm", "fd",   "mqueue", "console",
                                                   "ptmx", "lxc", ".lxc", ".udev",  "core"};
constexpr int depth_limit = 8;
constexpr size_t device_limit = 4096;

void add_devices(int directory, const std::string& path, int depth,
                 std::vector<runtime::Device>& devices) {
  for (const std::string& name : sys::list_directory(directory)) {
    if (std::find(skipped.begin(), skipped.end(), name) != skipped.end()) continue;
    struct stat status {};
    // Devices come and go while we look.
    if (::fstatat(directory, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) < 0) continue;
    std::string device_path = path + "/" + name;
    if (S_ISDIR(status.st_mode) && depth < depth_limit) {
      if (auto child = sys::find_at(directory, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW))
        add_devices(child->get(), device_path, depth + 1, devices);
    } else if ((S_ISCHR(status.st_mode) || S_ISBLK(status.st_mode)) &&
               devices.size() < device_limit) {
      devices.push_back({.path = device_path,
                         .type = S_ISBLK(status.st_mode) ? 'b' : 'c',
                         .major = major(status.st_rdev),
                         .minor = minor(status.st_rdev),
                         .mode = status.st_mode & 07777,
                         .uid = status.st_uid,
                         .gid = status.st_gid});
    }
  }
}

}  // namespace

std::vector<runtime::Device> list_host_devices() {
  std::vector<runtime::Device> devices;
  sys::UniqueFd directory = sys::open_at(AT_FDCWD, "/dev", O_RDONLY | O_DIRECTORY);
  add_devices(directory.get(), "/dev", 0, devices);
  return devices;
}

}  // namespace ctr::daemon
