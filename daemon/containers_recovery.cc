// What a new daemon finds: containers that ran on, that ended meanwhile, that were half made. The
// truth about a run is what its monitor wrote; the database says what there is.
#include <poll.h>
#include <signal.h>

#include <algorithm>
#include <atomic>
#include <set>
#include <thread>

#include "daemon/containers.h"
#include "daemon/found_monitors.h"
#include "daemon/logging.h"
#include "runtime/sys/error.h"
#include "runtime/sys/file.h"

namespace ctr::daemon {

namespace {

constexpr int lost_exit_code = 255;  // Docker's, for a container of which nothing is known
constexpr int killed_exit_code = 137;
constexpr unsigned recovery_threads = 4;
// How long a start that the last daemon began may still take.
constexpr int64_t start_patience = 5'000'000'000;
// How long a container that ended while no daemon was there outlives the new one's start (--rm).
constexpr int64_t farewell_time = 2'000'000'000;

bool is_container_id(const std::string& name) {
  return name.size() == 64 && std::all_of(name.begin(), name.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

std::vector<std::string> list_ids(const std::string& path) {
  std::vector<std::string> ids;
  if (!sys::exists(path)) return ids;
  for (std::string& name : sys::list_directory(path))
    if (is_container_id(name)) ids.push_back(std::move(name));
  return ids;
}

template <class Record>
std::optional<Record> find_record(const std::string& path, Record (*parse)(const std::string&)) {
  try {
    std::optional<std::string> text = sys::find_file(path);
    if (text) return parse(*text);
  } catch (const sys::Error& error) {
    log_warn("file of a monitor cannot be read", {{"path", path}, {"error", error.what()}});
  }
  return std::nullopt;
}

// The last daemon died while this monitor started its container: it says so, or ends.
void wait_for_word(const std::string& directory, const sys::Process& monitor) {
  int64_t deadline = sys::monotonic_now() + start_patience;
  while (sys::monotonic_now() < deadline) {
    if (sys::exists(directory + "/state.json") || sys::exists(directory + "/exit.json")) return;
    pollfd item{monitor.pidfd(), POLLIN, 0};
    if (::poll(&item, 1, 10) > 0) return;
  }
  monitor.signal(SIGKILL);
}

}  // namespace

void Containers::recover() {
  std::vector<ContainerTable::Damaged> damaged;
  std::vector<ContainerTable::Row> rows = table_.load(damaged);
  for (const ContainerTable::Damaged& row : damaged)
    log_error("record of a container cannot be read: it is kept but not shown",
              {{"id", row.id}, {"error", row.reason}});
  found_monitors_ = find_monitor_processes(launcher_.options().exec_root + "/containers");

  std::atomic<size_t> next{0};
  auto work = [&] {
    for (size_t i = next++; i < rows.size(); i = next++) {
      std::string id = rows[i].record.id;
      try {
        recover_container(std::move(rows[i]));
      } catch (const std::exception& error) {
        // One container's trouble must not keep the daemon from serving the others (L25).
        log_error("container could not be recovered", {{"id", id}, {"error", error.what()}});
      }
    }
  };
  std::vector<std::thread> threads;
  for (unsigned i = 1; i < std::min<size_t>(recovery_threads, rows.size()); ++i)
    threads.emplace_back(work);
  work();
  for (std::thread& thread : threads) thread.join();

  std::set<std::string> known;
  for (const ContainerTable::Damaged& row : damaged) known.insert(row.id);
  for (const ContainerSnapshot& container : list()) known.insert(container.record.id);
  remove_orphans(known);
  found_monitors_.clear();
  recover_volumes();
  launcher_.expect_starts();
  start_by_policy();
}

void Containers::recover_container(ContainerTable::Row row) {
  auto container = std::make_shared<Container>(std::move(row.record));
  container->live = std::move(row.live);
  index_.add(container);
  std::string directory = launcher_.exec_directory(container->id);
  bool has_directory = sys::exists(directory);
  // Whatever the last daemon's run left is taken away once nothing of it is needed.
  container->needs_cleanup = true;
  RunState& state = container->live.state;
  bool was_alive = state.alive();
  if (state.status == Status::removing) {
    Operation operation(*this, container);
    return remove_locked(container, false);
  }
  if (has_directory) {
    auto monitor = found_monitors_.find(container->id);
    if (monitor != found_monitors_.end() && !sys::exists(directory + "/state.json"))
      wait_for_word(directory, monitor->second);
    auto started = find_record(directory + "/state.json", &runtime::parse_container_state);
    auto ended = find_record(directory + "/exit.json", &runtime::parse_exit_record);
    if (started || ended) return recover_run(container, started, ended);
  }
  if (was_alive) {
    // Nothing below the exec root: the machine was started anew.
    state.status = Status::exited;
    state.pid = 0;
    state.exit_code = lost_exit_code;
    state.finished_at = sys::now();
    save(*container);
  } else if (state.status == Status::restarting) {
    state.status = Status::exited;
  }
  finish_ended(container);
}

void Containers::recover_run(const std::shared_ptr<Container>& container,
                             const std::optional<runtime::ContainerState>& started,
                             const std::optional<runtime::ExitRecord>& ended) {
  RunState& state = container->live.state;
  if (started) {
    // A start that the last daemon did not live to record.
    state.started_at = started->started_at;
    state.pid = started->pid;
    if (!state.alive()) state.status = Status::running;
    if (!ended) {
      if (auto client = find_monitor(launcher_.exec_directory(container->id)))
        return adopt_running(container, std::move(client));
    }
  }
  runtime::ExitRecord exit{.exit_code = killed_exit_code,
                           .oom_killed = false,
                           .finished_at = sys::now(),
                           .error = "monitor died"};
  // It may have ended between our first look and the connection.
  auto word = ended ? ended
                    : find_record(launcher_.exec_directory(container->id) + "/exit.json",
                                  &runtime::parse_exit_record);
  if (word)
    exit = *word;
  else
    launcher_.kill_all(container->record);
  log_info("container ended while the daemon was away",
           {{"id", container->id}, {"exit-code", std::to_string(exit.exit_code)}});
  // A start that failed leaves the container as it was (see container_state.cc).
  if (state.alive()) state.status = Status::exited;
  state.pid = 0;
  state.exit_code = exit.exit_code;
  state.oom_killed = exit.oom_killed;
  state.error = exit.error;
  state.finished_at = exit.finished_at;
  save(*container);
  finish_ended(container);
}

// Frozen, but not by a pause that the database knows: a daemon or monitor died while it made the
// processes stand still for a moment, to end them or to write device rules.
bool Containers::is_paused(const Container& container) const {
  const ContainerRecord& record = container.record;
  auto cgroup = runtime::Cgroup::find(launcher_.cgroup_layout(), launcher_.cgroup_path(record));
  if (!cgroup || !cgroup->is_frozen()) return false;
  if (container.live.state.status == Status::paused) return true;
  cgroup->thaw();
  return false;
}

void Containers::adopt_running(const std::shared_ptr<Container>& container,
                               std::shared_ptr<MonitorClient> client) {
  RunState& state = container->live.state;
  state.status = is_paused(*container) ? Status::paused : Status::running;
  container->monitor = client;
  container->running_since = sys::monotonic_now();
  launcher_.recall_ids(container->record);
  save(*container);
  std::string directory = launcher_.exec_directory(container->id);
  for (const std::string& name : sys::list_directory(directory)) {
    if (!name.starts_with("exec-") || !name.ends_with(".json")) continue;
    auto record = find_record(directory + "/" + name, &runtime::parse_exec_record);
    if (record && exec_handlers_.found) exec_handlers_.found(container->id, *record);
  }
  watch_monitor(container, std::move(client));
}

void Containers::finish_ended(const std::shared_ptr<Container>& container) {
  bool ran = container->live.state.started_at != sys::zero_time;
  // Not at once: whoever ran it with --rm waits for its exit code, and asks again as soon as we
  // listen.
  if (container->record.host.auto_remove && ran)
    return restarts_->schedule(container->id, farewell_time);
  clean_up_soon(container);
}

// What no record owns: directories, addresses, cgroups, and monitors that still run for them.
void Containers::remove_orphans(const std::set<std::string>& known) {
  const LauncherOptions& options = launcher_.options();
  std::set<std::string> orphans;
  auto collect = [&](const std::string& path) {
    for (std::string& id : list_ids(path))
      if (!known.contains(id)) orphans.insert(std::move(id));
  };
  collect(options.exec_root + "/containers");
  collect(options.data_root + "/containers");
  for (const runtime::Hierarchy& hierarchy : launcher_.cgroup_layout().hierarchies)
    collect(hierarchy.mount_point + options.cgroup_parent);
  for (const std::string& id : orphans) {
    log_info("removing what is left of a container that is no more", {{"id", id}});
    auto monitor = found_monitors_.find(id);
    if (monitor != found_monitors_.end()) monitor->second.signal(SIGKILL);
    ContainerRecord record;
    record.id = id;
    reaper_.post([this, record] {
      launcher_.clean_up(record);
      launcher_.remove_directory(record.id);
    });
  }
  services_.networks.release_unowned(known);
}

void Containers::start_by_policy() {
  for (const std::shared_ptr<Container>& container : index_.list()) {
    std::lock_guard lock(container->mutex);
    LiveRecord& live = container->live;
    const RestartPolicy& policy = container->record.host.resources.restart_policy;
    if (live.state.status != Status::exited || live.state.started_at == sys::zero_time) continue;
    if (!wants_start_with_daemon(policy, live.state.exit_code, live.stopped_by_user)) continue;
    apply(live.state, Action::wait_restart, container->record.name);
    container->restart_scheduled = true;
    restarts_->schedule(container->id, 0);
  }
}

}  // namespace ctr::daemon
