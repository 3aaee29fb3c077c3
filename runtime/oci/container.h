// A container that was made by some call of ctr-runtime, opened by another one.
#pragma once

#include <optional>
#include <string>

#include "runtime/cgroup/cgroup.h"
#include "runtime/oci/container_directory.h"
#include "runtime/oci/container_record.h"
#include "runtime/sys/process.h"

namespace ctr::runtime::oci {

// Access of a call to a container: those that change it take turns.
enum class Access { look, change };

class Log;

class Container {
 public:
  // Error{not_found} "container does not exist: …".
  static Container open(const std::string& root, const std::string& id, Access access);
  static std::optional<Container> find(const std::string& root, const std::string& id,
                                       Access access);

  const ContainerDirectory& directory() const { return directory_; }
  ContainerDirectory& directory() { return directory_; }
  const ContainerRecord& record() const { return record_; }

  // Looks anew each time.
  Status status() const;
  // Its first process; nullopt when that has ended (a zombie has), or is not there yet.
  const std::optional<sys::Process>& init() const { return init_; }
  bool has_ended() const;
  // Of one whose start failed, which is on its way out.
  void await_end() const;

  // nullopt if it is gone, or was never made.
  std::optional<Cgroup> find_cgroup() const;
  // Error{conflict} "container not running", {unsupported} if its user was not allowed to make one.
  Cgroup open_cgroup_of_running() const;

 private:
  explicit Container(ContainerDirectory directory);

  ContainerDirectory directory_;
  ContainerRecord record_;
  std::optional<sys::Process> init_;
};

// Ends what is left of a container's processes and takes away its cgroup, then runs its poststop hooks,
// then its directory goes. The caller has decided that it may be done.
void destroy(Container& container, const Log& log);

}  // namespace ctr::runtime::oci
