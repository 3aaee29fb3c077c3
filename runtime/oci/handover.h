// What a caller asks to be given of a process: its number in a file, its pidfd, its terminal. conmon,
// containerd's shim and podman wait for these.
#pragma once

#include <string>

#include "runtime/sys/process.h"

namespace ctr::runtime::oci {

// Connects to the listening socket at `path` and sends one descriptor, with `name` as the data, that
// whoever receives it has something to read.
void send_descriptor(const std::string& path, int descriptor, const std::string& name);

// A file with the decimal pid, there as a whole or not at all. Goes again when this object goes,
// unless it was kept: a container that failed has no pid file.
class PidFile {
 public:
  PidFile(const std::string& path, pid_t pid);  // an empty path: none was asked for
  PidFile(const PidFile&) = delete;
  PidFile& operator=(const PidFile&) = delete;
  ~PidFile();
  void keep() { path_.clear(); }

 private:
  std::string path_;
};

// The descriptors 3, 4, … that a process is to inherit: `asked` of them, and systemd's LISTEN_FDS.
// Closes all others: what our own caller leaked must not reach the container (attack E04). So it comes
// before anything that opens one. Error{invalid_argument} if one of those asked for is not open.
struct Inherited {
  unsigned count = 0;
  unsigned listen_count = 0;  // of them, LISTEN_FDS
};
Inherited take_inherited_descriptors(int64_t asked);

}  // namespace ctr::runtime::oci
