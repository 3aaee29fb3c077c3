// Named and anonymous volumes: <data-root>/volumes/<name>/_data, made when a container first wants
// one. The directories are the truth. Runs in: ctrd. Thread-safe.
#pragma once

#include <string>

namespace ctr::daemon {

class Volumes {
 public:
  // `directory` is <data-root>/volumes; made if missing (0711: a container's user may own files in
  // it).
  explicit Volumes(std::string directory);

  // The volume's directory on the host; made if it is not there. `name` is valid
  // (container_mounts.h).
  std::string ensure(const std::string& name);
  std::string path(const std::string& name) const;
  bool exists(const std::string& name) const;
  // Nothing there is success.
  void remove(const std::string& name);

 private:
  std::string directory_;
};

}  // namespace ctr::daemon
