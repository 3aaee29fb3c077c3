// How containers end: what their monitors tell, what policies say, and what is left to take away.
#include <algorithm>

#include "daemon/containers.h"
#include "daemon/disk_usage.h"
#include "daemon/logging.h"
#include "runtime/sys/error.h"
#include "runtime/sys/file.h"

namespace ctr::daemon {

namespace {

constexpr int killed = 137;
constexpr std::chrono::milliseconds unmount_patience{5'000};

std::map<std::string, std::string> exit_attributes(const RunState& state) {
  int64_t seconds = state.started_at == sys::zero_time
                        ? 0
                        : (state.finished_at - state.started_at) / 1'000'000'000;
  return {{"exitCode", std::to_string(state.exit_code)}, {"execDuration", std::to_string(seconds)}};
}

}  // namespace

// On the watcher's thread: nothing in here may wait.
void Containers::on_event(const std::string& id, const MonitorEvent& event) {
  std::shared_ptr<Container> container = index_.find_by_id(id);
  if (!container) return;
  switch (event.kind) {
    case MonitorEvent::Kind::exited:
      return on_exit(container, event.exit);
    case MonitorEvent::Kind::exec_exited:
      if (exec_handlers_.exited) exec_handlers_.exited(event.exec_id, event.exit_code);
      return;
    case MonitorEvent::Kind::oom: {
      ContainerRecord record;
      {
        std::lock_guard lock(container->mutex);
        container->live.state.oom_killed = true;
        record = container->record;
      }
      return publish(record, "oom");
    }
  }
}

void Containers::on_exit(const std::shared_ptr<Container>& container,
                         const runtime::ExitRecord& exit) {
  ContainerSnapshot now;
  bool restarts = false;
  {
    std::lock_guard lock(container->mutex);
    LiveRecord& live = container->live;
    if (!live.state.alive()) return;
    const RestartPolicy& policy = container->record.host.resources.restart_policy;
    restarts = wants_restart(policy, exit.exit_code, live.restart_count, live.stopped_by_user);
    apply(live.state, restarts ? Action::wait_restart : Action::exit, container->record.name);
    live.state.pid = 0;
    live.state.exit_code = exit.exit_code;
    live.state.oom_killed = live.state.oom_killed || exit.oom_killed;
    live.state.error = exit.error;
    live.state.finished_at = exit.finished_at;
    // As Docker has it: nobody looks after it any more.
    if (!live.health.status.empty()) live.health.status = "unhealthy";
    container->monitor.reset();
    container->needs_cleanup = true;
    services_.networks.expect_release(container->id);
    ++container->exits;
    if (restarts) {
      container->restart_delay = next_restart_delay(
          container->restart_delay, sys::monotonic_now() - container->running_since);
      container->restart_scheduled = true;
      restarts_->schedule(container->id, container->restart_delay);
    }
    now = {container->record, live};
    container->notify();
  }
  log_info("container ended",
           {{"id", container->id}, {"exit-code", std::to_string(exit.exit_code)}});
  publish(now.record, "die", exit_attributes(now.live.state));
  publish_volumes(now.record, "unmount");
  if (run_handlers_.ended) run_handlers_.ended(container->id);
  if (exec_handlers_.container_ended) exec_handlers_.container_ended(container->id);
  if (now.record.host.auto_remove) return remove_automatically(container);
  save_soon(container);
  clean_up_soon(container);
}

void Containers::watch_monitor(const std::shared_ptr<Container>& container,
                               std::shared_ptr<MonitorClient> client) {
  {
    std::lock_guard lock(container->mutex);
    ++container->connections;
  }
  monitors_->watch(container->id, std::move(client));
}

void Containers::on_gone(const std::string& id, const MonitorClient* client) {
  std::shared_ptr<Container> container = index_.find_by_id(id);
  if (!container) return;
  bool alive = false;
  {
    std::lock_guard lock(container->mutex);
    --container->connections;
    container->notify();
    alive = container->live.state.alive();
    // Started again since: this connection is an old one.
    if (alive && container->monitor.get() != client) return;
  }
  if (!alive) return clean_up_soon(container);  // told of its exit before: now it is unmounted, too
  reaper_.post([this, container] { settle_lost_monitor(container); });
}

// A connection ended and nobody said why: the monitor lives (it dropped us because we read too
// slowly), or left its last word in a file, or was killed.
void Containers::settle_lost_monitor(const std::shared_ptr<Container>& container) {
  ContainerRecord record;
  {
    std::lock_guard lock(container->mutex);
    record = container->record;
  }
  std::string directory = launcher_.exec_directory(container->id);
  std::string exit_file = directory + "/exit.json";
  if (!sys::exists(exit_file)) {
    if (std::shared_ptr<MonitorClient> again = find_monitor(directory)) {
      {
        std::lock_guard lock(container->mutex);
        container->monitor = again;
      }
      return watch_monitor(container, std::move(again));
    }
  }
  runtime::ExitRecord exit{
      .exit_code = killed, .oom_killed = false, .finished_at = sys::now(), .error = "monitor died"};
  if (std::optional<std::string> text = sys::find_file(exit_file))
    exit = runtime::parse_exit_record(*text);
  else
    launcher_.kill_all(record);
  on_exit(container, exit);
}

Containers::Operation::Operation(Containers& containers, std::shared_ptr<Container> container)
    : containers_(containers), container_(std::move(container)), lock_(container_->operation) {}

Containers::Operation::~Operation() {
  lock_.unlock();
  std::lock_guard lock(container_->mutex);
  for (size_t i = 0; i < container_->deferred.size(); ++i)
    containers_.reaper_.post([&containers = containers_, container = container_] {
      containers.run_deferred(container);
    });
}

void Containers::defer(const std::shared_ptr<Container>& container, std::function<void()> job) {
  {
    std::lock_guard lock(container->mutex);
    container->deferred.push_back(std::move(job));
  }
  reaper_.post([this, container] { run_deferred(container); });
}

// The reaper never waits for an operation: one that waits itself for what the reaper does next, a
// port to be free, would wait in vain.
void Containers::run_deferred(const std::shared_ptr<Container>& container) {
  std::unique_lock operation(container->operation, std::try_to_lock);
  if (!operation) return;  // whoever holds it posts us again at its end
  std::function<void()> job;
  {
    std::lock_guard lock(container->mutex);
    if (container->deferred.empty()) return;
    job = std::move(container->deferred.front());
    container->deferred.pop_front();
  }
  job();
}

void Containers::clean_up_soon(const std::shared_ptr<Container>& container) {
  defer(container, [this, container] {
    {
      std::lock_guard lock(container->mutex);
      if (container->removed || container->live.state.alive() || !container->needs_cleanup) return;
    }
    services_.networks.release(container->id);
    {
      std::lock_guard lock(container->mutex);
      if (container->connections > 0) return;  // on_gone() comes back to it
    }
    clean_up_locked(*container);
  });
}

// The monitor tells of the end before the kernel has taken the mounts down: a next start must not
// find the overlay's directories in use, nor a volume's device busy.
void Containers::await_unmounted(Container& container) {
  std::unique_lock lock(container.mutex);
  container.changed.wait_for(lock, unmount_patience, [&] { return container.connections == 0; });
}

// With `operation` held.
void Containers::clean_up_locked(Container& container) {
  ContainerRecord record;
  {
    std::lock_guard lock(container.mutex);
    if (!container.needs_cleanup) return;
    record = container.record;
  }
  services_.networks.release(record.id);  // somebody may wait for its ports
  volume_mounts_.release(record.id);
  await_unmounted(container);
  save(container);  // the files that go say no more than the database does then
  launcher_.clean_up(record);
  std::lock_guard lock(container.mutex);
  container.needs_cleanup = false;
}

void Containers::remove_automatically(const std::shared_ptr<Container>& container) {
  defer(container, [this, container] {
    {
      std::lock_guard lock(container->mutex);
      if (container->removed || container->live.state.running()) return;
    }
    remove_locked(container, true);
  });
}

void Containers::remove(const std::string& reference, bool force, bool volumes) {
  std::shared_ptr<Container> container = index_.get(reference);
  Operation operation(*this, container);
  ContainerRecord record;
  bool alive = false;
  {
    std::lock_guard lock(container->mutex);
    if (container->removed)
      throw sys::Error(sys::ErrorKind::not_found, fmt::format("No such container: {}", reference));
    record = container->record;
    alive = container->live.state.alive();
    if (!force) {
      RunState next = container->live.state;
      apply(next, Action::remove, record.name);
    }
    container->live.stopped_by_user = true;
    container->restart_scheduled = false;
  }
  if (alive) {
    Ending ending(*container);
    if (signal_process(container, SIGKILL))
      publish(record, "kill", {{"signal", std::to_string(SIGKILL)}});
    thaw_if_paused(container);
    if (!wait_until_stopped(*container, std::chrono::seconds(10))) end_by_force(container);
  }
  remove_locked(container, volumes);
}

// With `operation` held, and no process. The name is free and the record gone when this returns;
// the rest goes behind the client's back.
void Containers::remove_locked(const std::shared_ptr<Container>& container, bool volumes) {
  ContainerRecord record;
  {
    std::lock_guard lock(container->mutex);
    if (container->removed) return;
    record = container->record;
    if (container->live.state.status != Status::removing)
      apply(container->live.state, Action::remove, record.name);
  }
  try {
    table_.remove(record.id);
  } catch (const sys::Error&) {
    std::lock_guard lock(container->mutex);
    apply(container->live.state, Action::fail_remove, record.name);
    throw;
  }
  index_.remove(record.id);
  {
    std::lock_guard lock(container->mutex);
    container->removed = true;
    container->parked.clear();
    container->notify();
  }
  // Not behind the client's back: it may remove the network or the volume next, or publish the same
  // port.
  services_.networks.release(record.id);
  volume_mounts_.release(record.id);
  if (exec_handlers_.container_removed) exec_handlers_.container_removed(record.id);
  publish(record, "destroy");
  // Whose anonymous volumes are its own is settled now, not when there is time for them.
  if (volumes)
    std::erase_if(record.mounts, [this](const MountPoint& mount) {
      return mount.anonymous && !users_of_volume(mount.name).empty();
    });
  reaper_.post([this, record, volumes] {
    launcher_.clean_up(record);
    launcher_.remove_directory(record.id);
    if (volumes) remove_anonymous_volumes(record);
  });
}

Containers::Pruned Containers::prune(const std::function<bool(const ContainerSnapshot&)>& wanted) {
  Pruned pruned;
  for (const ContainerSnapshot& container : list()) {
    Status status = container.live.state.status;
    bool stopped = status == Status::created || status == Status::exited || status == Status::dead;
    if (!stopped || !wanted(container)) continue;
    try {
      uint64_t bytes = tree_size(launcher_.snapshot(container.record).upper);
      remove(container.record.id, false, false);
      pruned.ids.push_back(container.record.id);
      pruned.bytes += bytes;
    } catch (const sys::Error& error) {
      // Started or removed meanwhile: then it is not to be pruned.
      if (error.kind() != sys::ErrorKind::conflict && error.kind() != sys::ErrorKind::not_found)
        throw;
    }
  }
  services_.events.publish({.type = "container",
                            .action = "prune",
                            .id = "",
                            .attributes = {{"reclaimed", std::to_string(pruned.bytes)}}});
  return pruned;
}

}  // namespace ctr::daemon
