// One daemon a data root: two would unpack, collect and number behind each other's back (L26).
#pragma once

#include <string>

#include "runtime/sys/unique_fd.h"

namespace ctr::daemon {

// Holds a lock on the directory for the life of the process; the kernel drops it however that ends.
class SingleInstance {
 public:
  // Throws Error{conflict} "another ctrd (pid 42) uses '/var/lib/ctr' already". The directory
  // exists.
  explicit SingleInstance(const std::string& directory);

 private:
  sys::UniqueFd lock_;
};

// The pid of this process in a file, for scripts; removed again at the end if it is still ours.
class PidFile {
 public:
  explicit PidFile(std::string path);
  ~PidFile();
  PidFile(const PidFile&) = delete;
  PidFile& operator=(const PidFile&) = delete;

 private:
  std::string path_;
};

}  // namespace ctr::daemon
