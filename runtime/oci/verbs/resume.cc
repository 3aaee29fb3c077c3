#include "runtime/oci/container.h"
#include "runtime/oci/invocation.h"

namespace ctr::runtime::oci {

int run_resume(const Invocation& invocation) {
  const std::string id = invocation.parse({}, 1, 1)[0];
  const Container container = Container::open(invocation.globals.root, id, Access::change);
  if (container.status() != Status::paused)
    throw sys::Error(sys::ErrorKind::conflict, "container not paused");
  container.open_cgroup_of_running().thaw();
  return 0;
}

}  // namespace ctr::runtime::oci
