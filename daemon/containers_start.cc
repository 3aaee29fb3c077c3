// Start and restart: from a record to a process.
#include <algorithm>
#include <exception>
#include <filesystem>

#include "daemon/container_links.h"
#include "daemon/containers.h"
#include "daemon/logging.h"
#include "runtime/sys/error.h"

namespace ctr::daemon {

namespace {

// How long a start waits for clients whose 101 is just being sent.
constexpr std::chrono::milliseconds attach_patience{2'000};

// For a container with --rm that could not be started to be gone.
constexpr std::chrono::milliseconds removal_patience{1'000};

// Docker's words and codes for a process that could not be started. Clients look for parts of these
// texts ("executable file not found", "permission denied") to choose their own exit code.
sys::Error explain_failure(const StartFailure& failure) {
  std::string text = fmt::format("failed to create task for container: unable to start container "
                                 "process: {}",
                                 failure.what());
  bool by_command = failure.exit_code() == 126 || failure.exit_code() == 127;
  bool by_request = by_command || failure.kind() == sys::ErrorKind::invalid_argument;
  return {by_request ? sys::ErrorKind::invalid_argument : failure.kind(), text};
}

// Docker's exit code of a container that its own engine could not start.
constexpr int engine_failure = 128;

}  // namespace

void Containers::start(const std::string& reference) {
  std::shared_ptr<Container> container = index_.get(reference);
  std::exception_ptr failure;
  {
    Operation operation(*this, container);
    expect_startable(*container, reference);
    try {
      start_locked(container);
    } catch (...) {
      failure = std::current_exception();
    }
  }
  if (!failure) return;
  await_automatic_removal(*container);
  std::rethrow_exception(failure);
}

void Containers::expect_startable(Container& container, const std::string& reference) {
  std::lock_guard lock(container.mutex);
  if (container.removed)
    throw sys::Error(sys::ErrorKind::not_found, fmt::format("No such container: {}", reference));
  const RunState& state = container.live.state;
  if (state.status == Status::running || state.status == Status::restarting)
    throw sys::Error(sys::ErrorKind::not_modified, "container is already started");
  RunState next = state;
  apply(next, Action::start, container.record.name);
  container.live.stopped_by_user = false;
  container.live.restart_count = 0;
  container.restart_delay = 0;
}

// With --rm, who waits for the removal hears of it before whoever started it hears that it failed: Docker's
// client gives up its other requests at a failure, and complains of those that have no answer yet.
void Containers::await_automatic_removal(Container& container) {
  const auto deadline = std::chrono::steady_clock::now() + removal_patience;
  std::unique_lock lock(container.mutex);
  if (!container.record.host.auto_remove) return;
  const auto is_told = [&] {
    return container.removed &&
           std::all_of(container.watchers.begin(), container.watchers.end(),
                       [](const auto& watcher) { return watcher.expired(); });
  };
  // Who has told his client goes without a word to us.
  while (!is_told() && std::chrono::steady_clock::now() < deadline)
    container.changed.wait_for(lock, std::chrono::milliseconds(1));
}

void Containers::start_locked(const std::shared_ptr<Container>& container) {
  ContainerRecord record;
  {
    std::lock_guard lock(container->mutex);
    record = container->record;
  }
  try {
    clean_up_locked(*container);
    JoinedContainers joined = join_containers(record);
    {
      std::lock_guard lock(container->mutex);
      container->needs_cleanup = true;
    }
    mount_volumes(record);
    record_start(container, launcher_.launch(record, joined, [&](const auto& client) {
      return take_parked(*container, client);
    }));
  } catch (const StartFailure& failure) {
    sys::Error error = explain_failure(failure);
    bool by_command = failure.exit_code() == 126 || failure.exit_code() == 127;
    record_failure(container, error.what(), by_command ? failure.exit_code() : engine_failure);
    throw error;
  } catch (const sys::Error& error) {
    record_failure(container, error.what(), engine_failure);
    throw;
  }
}

namespace {

// I22: a container that did not offer its IPC namespace keeps it to itself.
bool shares_ipc(const HostConfig& host) {
  return host.ipc_mode == "shareable" || host.ipc_mode == "host" ||
         host.ipc_mode.starts_with("container:");
}

}  // namespace

JoinedContainers Containers::join_containers(const ContainerRecord& record) const {
  using runtime::NamespaceKind;
  struct Wish {
    NamespaceKind kind;
    const char* name;
    const std::string& mode;
  };
  JoinedContainers joined;
  for (const Wish& wish : {Wish{NamespaceKind::network, "net", record.host.network_mode},
                           Wish{NamespaceKind::ipc, "ipc", record.host.ipc_mode},
                           Wish{NamespaceKind::pid, "pid", record.host.pid_mode}}) {
    std::string id = expect_joinable(wish.mode);
    if (id.empty()) continue;
    ContainerSnapshot other = snapshot(id);
    if (!other.live.state.alive())
      throw sys::Error(sys::ErrorKind::conflict,
                       fmt::format("cannot join namespace of a non running container: container {} "
                                   "is {}",
                                   other.record.name, status_name(other.live.state.status)));
    if (wish.kind == NamespaceKind::ipc && !shares_ipc(other.record.host))
      throw sys::Error(sys::ErrorKind::invalid_argument,
                       fmt::format("non-shareable IPC (hint: use IpcMode:shareable for the donor "
                                   "container '{}')",
                                   other.record.name));
    joined.namespaces[wish.kind] = fmt::format("/proc/{}/ns/{}", other.live.state.pid, wish.name);
    if (wish.kind == NamespaceKind::network) joined.network_id = id;
    join_user_namespace(record, other, joined);
  }
  link_containers(record, joined);
  return joined;
}

// Whoever joins a namespace must be in the user namespace that it belongs to.
void Containers::join_user_namespace(const ContainerRecord& record, const ContainerSnapshot& other,
                                     JoinedContainers& joined) const {
  const UserRanges& ranges = launcher_.user_ranges();
  if (!wants_user_namespace(record.host.userns_mode, ranges.by_default())) return;
  const image::IdRanges ids = ranges.find(other.record.id);
  if (!ids.mapped())
    throw sys::Error(sys::ErrorKind::invalid_argument,
                     fmt::format("cannot join a namespace of container {}, which has no user namespace: run this "
                                 "one with --userns=host, too",
                                 other.record.name));
  const std::string path = fmt::format("/proc/{}/ns/user", other.live.state.pid);
  std::string& known = joined.namespaces[runtime::NamespaceKind::user];
  std::error_code gone;
  if (!known.empty() && !std::filesystem::equivalent(known, path, gone))
    throw sys::Error(sys::ErrorKind::invalid_argument,
                     fmt::format("cannot join namespaces of containers with different user namespaces: run {} and the "
                                 "others with --userns=host",
                                 other.record.name));
  known = path;
  joined.ids = ids;
}

// On networks that users made, the name server knows them at any time.
void Containers::link_containers(const ContainerRecord& record, JoinedContainers& joined) const {
  std::optional<Network> network = services_.networks.find(record.host.network_mode);
  if (record.host.links.empty() || !network || !network->predefined) return;
  for (const std::string& text : record.host.links) {
    const ContainerLink link = parse_link(text);
    const ContainerSnapshot target = snapshot(index_.get(link.target)->id);
    if (!target.live.state.alive())
      throw sys::Error(sys::ErrorKind::conflict,
                       fmt::format("Cannot link to a non running container: /{} AS /{}/{}",
                                   target.record.name, record.name, link.alias));
    for (const EndpointSettings& endpoint : services_.networks.endpoints_of(target.record.id)) {
      if (endpoint.network_id != network->id) continue;
      joined.linked_hosts.push_back(
          {endpoint.ip, {link.alias, target.record.config.hostname, target.record.name}});
      for (std::string& variable : link_environment(link, record, target.record, endpoint.ip))
        joined.link_environment.push_back(std::move(variable));
    }
  }
}

std::vector<ParkedAttach> Containers::take_parked(Container& container,
                                                  const std::shared_ptr<MonitorClient>& client) {
  std::unique_lock lock(container.mutex);
  container.changed.wait_for(lock, attach_patience, [&] { return container.attaches_coming == 0; });
  // From here on an attach goes to the monitor itself: it takes them before the start, too.
  container.monitor = client;
  return std::move(container.parked);
}

void Containers::record_start(const std::shared_ptr<Container>& container,
                              Launcher::Launched launched) {
  ContainerRecord record;
  {
    std::lock_guard lock(container->mutex);
    LiveRecord& live = container->live;
    apply(live.state, Action::start, container->record.name);
    live.state.pid = launched.started.pid;
    live.state.exit_code = 0;
    live.state.oom_killed = false;
    live.state.error.clear();
    live.state.started_at = launched.started.started_at;
    if (container->record.config.health_check)
      begin_health(live.health);
    else
      live.health = {};
    container->running_since = sys::monotonic_now();
    record = container->record;
    container->notify();
  }
  log_info("container started",
           {{"id", container->id}, {"pid", std::to_string(launched.started.pid)}});
  publish_volumes(record, "mount");
  publish(record, "start");
  save_soon(container);
  // An exit that came with the start is handled in here: after the state says that it ran.
  monitors_->adopt(std::move(launched.monitor));
  watch_monitor(container, std::move(launched.client));
  if (run_handlers_.started) run_handlers_.started(container->id);
}

void Containers::record_failure(const std::shared_ptr<Container>& container,
                                const std::string& message, int exit_code) {
  bool automatic = false;
  ContainerRecord record;
  {
    std::lock_guard lock(container->mutex);
    container->monitor.reset();
    LiveRecord& live = container->live;
    live.state.status = next_status(live.state.status, Action::fail_start).value_or(Status::exited);
    live.state.exit_code = exit_code;
    live.state.error = message;
    container->parked.clear();  // nothing will ever be written there
    automatic = container->record.host.auto_remove;
    record = container->record;
    container->notify();
  }
  log_warn("container could not be started", {{"id", container->id}, {"error", message}});
  publish(record, "die", {{"exitCode", std::to_string(exit_code)}});
  save_soon(container);
  if (automatic)
    remove_automatically(container);
  else
    clean_up_soon(container);
}

void Containers::restart(const std::string& reference, std::optional<int64_t> seconds,
                         const std::string& signal) {
  std::shared_ptr<Container> container = index_.get(reference);
  // A container with --rm is to be there again afterwards: no other operation comes in between, and
  // the removal that its exit asks for finds it running.
  Operation operation(*this, container);
  ContainerRecord record;
  Status status = Status::created;
  {
    std::lock_guard lock(container->mutex);
    record = container->record;
    status = container->live.state.status;
    if (container->removed)
      throw sys::Error(sys::ErrorKind::not_found, fmt::format("No such container: {}", reference));
    if (status == Status::removing || status == Status::dead)
      throw sys::Error(sys::ErrorKind::conflict,
                       "container is marked for removal and cannot be started");
  }
  if (status == Status::running || status == Status::paused) {
    stop_container(container, seconds, signal);
    publish(record, "stop");
  }
  {
    std::lock_guard lock(container->mutex);
    container->live.stopped_by_user = false;
    if (container->live.state.status == Status::restarting)
      apply(container->live.state, Action::give_up, record.name);
  }
  start_locked(container);
  publish(record, "restart");
}

// On the thread of Restarts: what was put off until now. A container is either removed after its
// end or restarted, never both.
void Containers::take_up(const std::string& id) {
  std::shared_ptr<Container> container = index_.find_by_id(id);
  if (!container) return;
  if (container->record.host.auto_remove)
    remove_automatically(container);
  else
    restart_now(id);
}

void Containers::restart_now(const std::string& id) {
  std::shared_ptr<Container> container = index_.find_by_id(id);
  if (!container) return;
  Operation operation(*this, container);
  {
    std::lock_guard lock(container->mutex);
    if (container->live.state.status != Status::restarting || !container->restart_scheduled) return;
    container->restart_scheduled = false;
    ++container->live.restart_count;
  }
  try {
    start_locked(container);
  } catch (const sys::Error&) {
    // record_failure() has told everybody; the policy says whether there is another try.
    std::lock_guard lock(container->mutex);
    LiveRecord& live = container->live;
    const RestartPolicy& policy = container->record.host.resources.restart_policy;
    if (wants_restart(policy, live.state.exit_code, live.restart_count, live.stopped_by_user)) {
      container->restart_delay = next_restart_delay(container->restart_delay, 0);
      container->restart_scheduled = true;
      restarts_->schedule(id, container->restart_delay);
    } else {
      apply(live.state, Action::give_up, container->record.name);
      live.state.finished_at = sys::now();
      container->notify();
    }
  }
  save_soon(container);
}

}  // namespace ctr::daemon
