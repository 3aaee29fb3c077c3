#include "runtime/oci/creation.h"

namespace ctr::runtime::oci {

int run_create(const Invocation& invocation) {
  CreationOptions chosen;
  Options options;
  chosen.declare(options);
  const std::string id = invocation.parse(options, 1, 1)[0];
  const Inherited inherited =
      take_inherited_descriptors(chosen.preserved_descriptors.value_or(0));
  PreparedContainer container =
      prepare_container(invocation, id, chosen, inherited, Starter::later, /*detached=*/true);
  PidFile pid_file(chosen.pid_file, container.pending.init.process().pid());
  // Before the detaching: the container's process has inherited the descriptor that holds the lock, and
  // would keep it as long as it waits if we died right after.
  container.directory.unlock();
  (void)container.pending.init.detach();
  pid_file.keep();
  container.release();
  return 0;
}

}  // namespace ctr::runtime::oci
