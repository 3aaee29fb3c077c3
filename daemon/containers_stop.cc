// Stop, kill and pause: what is done to a process that runs.
#include <signal.h>

#include "daemon/containers.h"
#include "daemon/logging.h"
#include "runtime/sys/error.h"

namespace ctr::daemon {

namespace {

using std::chrono::milliseconds;

constexpr int64_t default_stop_seconds = 10;
// What the kernel gets for ending a process that was sent SIGKILL; one in an uninterruptible sleep
// does not end (L17).
constexpr milliseconds kill_patience{10'000};
constexpr milliseconds force_patience{2'000};
// Freezing takes microseconds, unless a process sleeps where it cannot be stopped.
constexpr milliseconds freeze_patience{5'000};

[[noreturn]] void not_running(std::string_view name) {
  throw sys::Error(sys::ErrorKind::conflict, fmt::format("container {} is not running", name));
}

[[noreturn]] void being_stopped(std::string_view name) {
  throw sys::Error(sys::ErrorKind::conflict,
                   fmt::format("container {} is being stopped: it cannot be paused", name));
}

// A process that dies while it is to be frozen never stands still: then its end is what to report.
void freeze(runtime::Cgroup& cgroup, Container& container) {
  try {
    cgroup.freeze(freeze_patience);
  } catch (const sys::Error&) {
    std::lock_guard lock(container.mutex);
    if (!container.live.state.alive()) not_running(container.record.name);
    if (container.endings > 0) being_stopped(container.record.name);
    throw;
  }
}

}  // namespace

// False if there is no process any more.
bool Containers::signal_process(const std::shared_ptr<Container>& container, int number) {
  std::shared_ptr<MonitorClient> monitor;
  ContainerRecord record;
  int pid = 0;
  {
    std::lock_guard lock(container->mutex);
    if (!container->live.state.alive()) return false;
    monitor = container->monitor;
    record = container->record;
    pid = container->live.state.pid;
  }
  try {
    if (monitor) {
      monitor->signal(number);
      return true;
    }
  } catch (const sys::Error& error) {
    if (error.kind() == sys::ErrorKind::conflict) return false;
    // A monitor that hangs must not protect its container, which may be why it hangs: who copies from a terminal
    // into its output by sendfile(2) holds the pipe's lock until somebody types, and whoever reads the pipe sleeps
    // where no signal comes.
    log_warn("monitor does not take signals", {{"id", container->id}, {"error", error.what()}});
  }
  if (number != SIGKILL) return launcher_.signal(record, pid, number);
  launcher_.kill_all(record);
  return true;
}

// A frozen process gets its signals when it runs again.
void Containers::thaw_if_paused(const std::shared_ptr<Container>& container) {
  ContainerRecord record;
  {
    std::lock_guard lock(container->mutex);
    if (container->live.state.status != Status::paused) return;
    record = container->record;
  }
  if (auto cgroup = runtime::Cgroup::find(launcher_.cgroup_layout(), launcher_.cgroup_path(record)))
    cgroup->thaw();
  std::lock_guard lock(container->mutex);
  if (container->live.state.status != Status::paused) return;
  apply(container->live.state, Action::unpause, record.name);
  container->notify();
}

void Containers::kill(const std::string& reference, const std::string& signal) {
  std::shared_ptr<Container> container = index_.get(reference);
  int number = signal.empty() ? SIGKILL : parse_signal(signal);
  ContainerRecord record;
  {
    // A start that is under way ends first: then there is something to signal.
    Operation operation(*this, container);
    std::lock_guard lock(container->mutex);
    record = container->record;
    const RunState& state = container->live.state;
    if (!state.alive())
      throw sys::Error(sys::ErrorKind::conflict,
                       fmt::format("cannot kill container: {}: container {} is not running",
                                   reference, container->id));
    int stop_signal =
        record.config.stop_signal.empty() ? SIGTERM : parse_signal(record.config.stop_signal);
    if (number == SIGKILL || number == stop_signal) container->live.stopped_by_user = true;
  }
  Ending ending(*container);
  if (!signal_process(container, number))
    throw sys::Error(sys::ErrorKind::conflict,
                     fmt::format("cannot kill container: {}: container {} is not running",
                                 reference, container->id));
  thaw_if_paused(container);
  publish(record, "kill", {{"signal", std::to_string(number)}});
  // Docker's clients expect a killed container to be seen as ended.
  if (number == SIGKILL && !wait_until_stopped(*container, kill_patience)) end_by_force(container);
}

void Containers::end_by_force(const std::shared_ptr<Container>& container) {
  ContainerRecord record;
  {
    std::lock_guard lock(container->mutex);
    record = container->record;
  }
  launcher_.kill_all(record);
  if (wait_until_stopped(*container, force_patience)) return;
  throw sys::Error(sys::ErrorKind::internal,
                   fmt::format("container {}: tried to kill container, but did not receive an exit "
                               "event",
                               record.name));
}

void Containers::stop(const std::string& reference, std::optional<int64_t> seconds,
                      const std::string& signal) {
  std::shared_ptr<Container> container = index_.get(reference);
  ContainerRecord record;
  {
    Operation operation(*this, container);
    std::lock_guard lock(container->mutex);
    record = container->record;
    RunState& state = container->live.state;
    container->live.stopped_by_user = true;
    if (state.status == Status::restarting) {
      apply(state, Action::give_up, record.name);
      container->restart_scheduled = false;
      container->notify();
    }
    if (!state.alive()) {
      save_soon(container);
      throw sys::Error(sys::ErrorKind::not_modified, "container is already stopped");
    }
  }
  stop_container(container, seconds, signal);
  publish(record, "stop");
}

void Containers::stop_container(const std::shared_ptr<Container>& container,
                                std::optional<int64_t> seconds, const std::string& signal) {
  ContainerRecord record;
  {
    std::lock_guard lock(container->mutex);
    record = container->record;
    container->live.stopped_by_user = true;
  }
  int64_t patience = seconds.value_or(record.config.stop_timeout.value_or(default_stop_seconds));
  std::string wanted = signal.empty() ? record.config.stop_signal : signal;
  int number = wanted.empty() ? SIGTERM : parse_signal(wanted);
  Ending ending(*container);
  if (!signal_process(container, number)) {
    wait_until_stopped(*container, force_patience);
    return;
  }
  publish(record, "kill", {{"signal", std::to_string(number)}});
  thaw_if_paused(container);
  milliseconds time = patience < 0 || patience > 1'000'000'000 ? milliseconds::max()
                                                               : milliseconds(patience * 1000);
  if (wait_until_stopped(*container, time)) return;
  if (signal_process(container, SIGKILL))
    publish(record, "kill", {{"signal", std::to_string(SIGKILL)}});
  thaw_if_paused(container);
  if (!wait_until_stopped(*container, kill_patience)) end_by_force(container);
}

void Containers::pause(const std::string& reference) {
  std::shared_ptr<Container> container = index_.get(reference);
  Operation operation(*this, container);
  ContainerRecord record;
  {
    std::lock_guard lock(container->mutex);
    record = container->record;
    RunState next = container->live.state;
    apply(next, Action::pause, record.name);
    if (container->endings > 0) being_stopped(record.name);
  }
  runtime::Cgroup cgroup = launcher_.open_cgroup(record);
  freeze(cgroup, *container);
  {
    std::lock_guard lock(container->mutex);
    if (!next_status(container->live.state.status, Action::pause)) {
      cgroup.thaw();  // it ended meanwhile
      not_running(record.name);
    }
    if (container->endings > 0) {
      cgroup.thaw();  // its signal waits for that
      being_stopped(record.name);
    }
    apply(container->live.state, Action::pause, record.name);
    container->notify();
  }
  save(*container);  // a daemon that finds it frozen then knows by whom
  publish(record, "pause");
}

void Containers::unpause(const std::string& reference) {
  std::shared_ptr<Container> container = index_.get(reference);
  Operation operation(*this, container);
  ContainerRecord record;
  {
    std::lock_guard lock(container->mutex);
    record = container->record;
    RunState next = container->live.state;
    apply(next, Action::unpause, record.name);
  }
  launcher_.open_cgroup(record).thaw();
  {
    std::lock_guard lock(container->mutex);
    if (container->live.state.status != Status::paused) return;
    apply(container->live.state, Action::unpause, record.name);
    container->notify();
  }
  save_soon(container);
  publish(record, "unpause");
}

}  // namespace ctr::daemon
