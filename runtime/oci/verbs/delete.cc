#include "runtime/oci/container.h"
#include "runtime/oci/invocation.h"

namespace ctr::runtime::oci {

int run_delete(const Invocation& invocation) {
  bool force = false;
  Options options;
  options.flag("-f,--force", force,
               "kill it if it runs; without complaint if there is no such container");
  const std::string id = invocation.parse(options, 1, 1)[0];
  std::optional<Container> container =
      Container::find(invocation.globals.root, id, Access::change);
  if (!container && force) return 0;
  if (!container)
    throw sys::Error(sys::ErrorKind::not_found, "container does not exist: " + id);
  // One that is being created has us wait for the lock: what we see in that state was given up.
  const Status status = container->status();
  if (!force && (status == Status::running || status == Status::paused))
    throw sys::Error(sys::ErrorKind::conflict,
                     fmt::format("cannot delete container {} that is not stopped: {}", id,
                                 status_name(status)));
  destroy(*container, invocation.log);
  return 0;
}

}  // namespace ctr::runtime::oci
