// A container's root directory as the container has it, volumes and all, for what reads or writes
// its files from outside: cp, export, commit. Runs in: ctrd. Needs CAP_SYS_ADMIN.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "daemon/container_record.h"
#include "image/id_range.h"
#include "image/snapshotter.h"
#include "runtime/monitor_protocol.h"

namespace ctr::daemon {

struct VisitedRoot {
  int directory = -1;     // open for reading (O_RDONLY)
  image::IdRanges ids{};  // how its files' owners look from here: of the container's user namespace
};
// What is done with the root. Everything below it is the container's to change at any time: resolve
// with sys/path.h.
using RootVisit = std::function<void(const VisitedRoot& root)>;

// Of a running container: the root of its first process. With a user namespace (`ids`), what the
// visit makes is its root's. Throws Error{conflict} if that process is gone.
void visit_running_root(const runtime::ContainerState& state, const image::IdRanges& ids,
                        const RootVisit& visit);

struct StoppedRoot {
  image::Snapshot snapshot;
  std::vector<MountPoint> mounts;
  bool readonly = false;  // all but the volumes
  std::string directory;  // where the root is mounted, seen by nobody else
};
// Of a container that does not run, and must not start meanwhile: its overlay and volumes are
// mounted in the private mount namespace of a thread that does the visit, and go with that thread.
// No crash can leave them.
void visit_stopped_root(const StoppedRoot& root, const RootVisit& visit);

}  // namespace ctr::daemon
