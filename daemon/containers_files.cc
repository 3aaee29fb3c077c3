// The files of containers, for what reads and writes them from outside.
#include <fcntl.h>

#include "daemon/containers.h"
#include "image/tree_archive.h"
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
                                 .readonly = record.host.readonly_rootfs,
                                 .directory = launcher_.directory(record.id)},
                                visit);
    }
  }
  // Runs: may stop meanwhile, then its namespace stays for as long as the descriptor.
  visit_running_root(runtime::parse_container_state(
                         sys::read_file(launcher_.exec_directory(record.id) + "/state.json")),
                     launcher_.user_ranges().find(record.id), visit);
}

namespace {

// Freezes a running container for as long as it lives.
class Pause {
 public:
  explicit Pause(std::optional<runtime::Cgroup> cgroup) : cgroup_(std::move(cgroup)) {
    if (cgroup_) cgroup_->freeze();
  }
  ~Pause() {
    try {
      if (cgroup_) cgroup_->thaw();
    } catch (const sys::Error&) {
      // It ended meanwhile.
    }
  }
  Pause(const Pause&) = delete;
  Pause& operator=(const Pause&) = delete;

 private:
  std::optional<runtime::Cgroup> cgroup_;
};

}  // namespace

void Containers::pack_changes(const std::string& reference, bool pause,
                              const std::function<bool(std::string_view)>& sink) {
  std::shared_ptr<Container> container = index_.get(reference);
  Operation operation(*this, container);
  ContainerSnapshot now = snapshot(container->id);
  std::optional<runtime::Cgroup> cgroup;
  if (pause && now.live.state.status == Status::running) cgroup = launcher_.open_cgroup(now.record);
  Pause paused(std::move(cgroup));
  sys::UniqueFd upper =
      sys::open_at(AT_FDCWD, launcher_.snapshot(now.record).upper, O_RDONLY | O_DIRECTORY);
  image::TreeArchive archive(sink, {.whiteouts = true, .left_out_if_empty = engine_paths()});
  archive.add_content(upper.get());
  archive.finish();
}

std::vector<FileChange> Containers::list_changes(const std::string& reference) {
  return find_changes(launcher_.snapshot(snapshot(reference).record));
}

}  // namespace ctr::daemon
