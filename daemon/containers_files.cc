// The files of containers, for what reads and writes them from outside.
#include "daemon/containers.h"
#include "runtime/sys/error.h"
#include "runtime/sys/file.h"

namespace ctr::daemon {

void Containers::visit_root(const std::string& reference, const RootVisit& visit) {
  std::shared_ptr<Container> container = index_.get(reference);
  ContainerRecord record;
  {
    Operation operation(*this, container);
    bool alive = false;
    {
      std::lock_guard lock(container->mutex);
      if (container->removed)
        throw sys::Error(sys::ErrorKind::not_found,
                         fmt::format("No such container: {}", reference));
      record = container->record;
      alive = container->live.state.alive();
    }
    if (!alive) {
      // Two overlays over one upper directory would not see each other's changes.
      clean_up_locked(*container);
      return visit_stopped_root({.snapshot = launcher_.snapshot(record),
                                 .mounts = record.mounts,
                                 .directory = launcher_.directory(record.id)},
                                visit);
    }
  }
  // Runs: may stop meanwhile, then its namespace stays for as long as the descriptor.
  visit_running_root(runtime::parse_container_state(
                         sys::read_file(launcher_.exec_directory(record.id) + "/state.json")),
                     visit);
}

}  // namespace ctr::daemon
