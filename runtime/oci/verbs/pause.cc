#include "runtime/oci/container.h"
#include "runtime/oci/invocation.h"

namespace ctr::runtime::oci {

int run_pause(const Invocation& invocation) {
  const std::string id = invocation.parse({}, 1, 1)[0];
  const Container container = Container::open(invocation.globals.root, id, Access::change);
  const Status status = container.status();
  if (status != Status::running && status != Status::created)
    throw sys::Error(sys::ErrorKind::conflict, "container not running");
  container.open_cgroup_of_running().freeze();
  return 0;
}

}  // namespace ctr::runtime::oci
