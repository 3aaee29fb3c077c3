#include "daemon/exec_sessions.h"

#include <signal.h>

#include <nlohmann/json.hpp>

#include "daemon/api/container_schema.h"
#include "daemon/api/json.h"
#include "runtime/spec_json.h"
#include "runtime/sys/error.h"
#include "runtime/sys/file.h"
#include "runtime/sys/process.h"

namespace ctr::daemon {

namespace {

using nlohmann::json;

// Docker forgets an exec some minutes after its end.
constexpr int64_t kept_after_end = 300LL * 1'000'000'000;
constexpr size_t session_limit = 10'000;
constexpr int killed = 137;
constexpr int not_started = 126;
constexpr std::chrono::seconds launch_patience(15);

std::string command_text(const ExecConfig& config) {
  std::string text;
  for (const std::string& word : config.cmd) text += (text.empty() ? "" : " ") + word;
  return text;
}

template <class Value>
Value field(const json& object, const char* key) {
  auto value = object.find(key);
  return value == object.end() || value->is_null() ? Value{} : value->get<Value>();
}

uint16_t size_of(const json& config, size_t index) {
  auto size = config.find("ConsoleSize");
  if (size == config.end() || size->is_null()) return 0;
  return static_cast<uint16_t>(std::min<int64_t>((*size)[index].get<int64_t>(), 65535));
}

}  // namespace

ExecSessions::ExecSessions(Containers& containers) : containers_(containers) {
  containers_.set_exec_handlers(
      {.exited = [this](const std::string& id, int code) { set_ended(id, code, true); },
       .container_ended = [this](const std::string& id) { end_all(id); },
       .container_removed = [this](const std::string& id) { forget(id); },
       .found = [this](const std::string& id,
                       const runtime::ExecRecord& record) { adopt(id, record); }});
}

std::shared_ptr<MonitorClient> ExecSessions::expect_running(const std::string& container_id) const {
  std::shared_ptr<Container> container = containers_.get(container_id);
  std::lock_guard lock(container->mutex);
  Status status = container->live.state.status;
  const std::string& id = container->id;
  if (status == Status::paused)
    throw sys::Error(sys::ErrorKind::conflict,
                     fmt::format("container {} is paused, unpause the container before exec", id));
  if (status == Status::restarting)
    throw sys::Error(
        sys::ErrorKind::conflict,
        fmt::format("container {} is restarting, wait until the container is running", id));
  if (status != Status::running || !container->monitor)
    throw sys::Error(sys::ErrorKind::conflict, fmt::format("container {} is not running", id));
  return container->monitor;
}

std::string ExecSessions::create(const std::string& reference, const json& body) {
  std::string container_id = containers_.get(reference)->id;
  expect_running(container_id);
  json config = api::normalise_exec_config(body);
  ExecSession session;
  session.id = sys::random_hex(32);
  session.container_id = container_id;
  session.config = {.cmd = field<std::vector<std::string>>(config, "Cmd"),
                    .env = field<std::vector<std::string>>(config, "Env"),
                    .user = field<std::string>(config, "User"),
                    .working_dir = field<std::string>(config, "WorkingDir"),
                    .tty = field<bool>(config, "Tty"),
                    .privileged = field<bool>(config, "Privileged"),
                    .rows = size_of(config, 0),
                    .columns = size_of(config, 1)};
  if (session.config.cmd.empty())
    throw sys::Error(sys::ErrorKind::invalid_argument, "no exec command specified");
  for (const std::string& assignment : session.config.env)
    if (assignment.empty() || assignment[0] == '=')
      throw sys::Error(sys::ErrorKind::invalid_argument,
                       fmt::format("invalid environment variable: {}", assignment));
  session.attach_stdin = field<bool>(config, "AttachStdin");
  session.attach_stdout = field<bool>(config, "AttachStdout");
  session.attach_stderr = field<bool>(config, "AttachStderr");
  session.detach_keys = field<std::string>(config, "DetachKeys");
  std::string id = session.id;
  std::string command = command_text(session.config);
  {
    std::lock_guard lock(mutex_);
    forget_old();
    if (sessions_.size() >= session_limit)
      throw sys::Error(sys::ErrorKind::unavailable, "too many execs");
    sessions_[id] = std::move(session);
  }
  containers_.publish(containers_.snapshot(container_id).record, "exec_create: " + command,
                      {{"execID", id}});
  return id;
}

ExecSession ExecSessions::get(const std::string& id) const {
  std::lock_guard lock(mutex_);
  auto session = sessions_.find(id);
  if (session == sessions_.end())
    throw sys::Error(sys::ErrorKind::not_found,
                     fmt::format("No such exec instance: {}", id.substr(0, 100)));
  return session->second;
}

std::vector<std::string> ExecSessions::ids_of(const std::string& container_id) const {
  std::vector<std::string> ids;
  std::lock_guard lock(mutex_);
  for (const auto& [id, session] : sessions_)
    if (session.container_id == container_id && !session.exit_code) ids.push_back(id);
  return ids;
}

ExecSession ExecSessions::begin(const std::string& id, const Start& start) {
  ExecSession session = get(id);
  expect_running(session.container_id);
  std::lock_guard lock(mutex_);
  auto found = sessions_.find(id);
  if (found == sessions_.end())
    throw sys::Error(sys::ErrorKind::not_found, fmt::format("No such exec instance: {}", id));
  ExecSession& claimed = found->second;
  if (claimed.exit_code)
    throw sys::Error(sys::ErrorKind::conflict,
                     fmt::format("Error: Exec command {} has already run", id));
  if (claimed.started)
    throw sys::Error(sys::ErrorKind::conflict,
                     fmt::format("Error: Exec command {} is already running", id));
  claimed.started = true;
  claimed.running = true;
  claimed.launching = true;
  if (start.rows > 0 && start.columns > 0) {
    claimed.config.rows = start.rows;
    claimed.config.columns = start.columns;
  }
  return claimed;
}

void ExecSessions::settle(const std::string& id) {
  {
    std::lock_guard lock(mutex_);
    if (auto found = sessions_.find(id); found != sessions_.end()) found->second.launching = false;
  }
  settled_.notify_all();
}

// A client that saw the end of its stream may ask before the answer has come that nothing was started.
void ExecSessions::wait_until_settled(const std::string& id) {
  std::unique_lock lock(mutex_);
  settled_.wait_for(lock, launch_patience, [&] {
    auto found = sessions_.find(id);
    return found == sessions_.end() || !found->second.launching;
  });
}

void ExecSessions::run(const std::string& id, const sys::UniqueFd* client,
                       const std::string& preread, Output output) {
  struct Settling {
    ExecSessions& sessions;
    const std::string& id;
    ~Settling() { sessions.settle(id); }
  } settling{*this, id};
  ExecSession session = get(id);
  try {
    std::shared_ptr<MonitorClient> monitor = expect_running(session.container_id);
    ContainerRecord record = containers_.snapshot(session.container_id).record;
    containers_.publish(record, "exec_start: " + command_text(session.config), {{"execID", id}});
    MonitorClient::ExecRequest request;
    request.exec_id = id;
    request.process_json =
        runtime::process_to_json(containers_.launcher().exec_process(record, session.config));
    request.client = client;
    request.attach = {.stdin_stream = session.attach_stdin,
                      .stdout_stream = session.attach_stdout,
                      .stderr_stream = session.attach_stderr,
                      .framed = !session.config.tty && output != Output::raw,
                      .detach_keys = session.detach_keys,
                      .preread = preread};
    int pid = monitor->exec(request);
    std::lock_guard lock(mutex_);
    auto found = sessions_.find(id);
    if (found != sessions_.end()) found->second.pid = pid;
  } catch (const StartFailure& failure) {
    set_ended(id, failure.exit_code(), false);
    throw;
  } catch (const sys::Error&) {
    set_ended(id, not_started, false);
    throw;
  }
}

void ExecSessions::abandon(const std::string& id) {
  set_ended(id, not_started, false);
  settle(id);
}

void ExecSessions::kill(const std::string& id) {
  ExecSession session = get(id);
  std::optional<uint64_t> start_time = sys::find_start_time(session.pid);
  if (!start_time) return;
  std::optional<sys::Process> process = sys::Process::find(session.pid, *start_time);
  // Its monitor reaps it, so that as long as it counts as running, the pid is its own.
  if (process && get(id).running) process->signal(SIGKILL);
}

void ExecSessions::resize(const std::string& id, uint16_t rows, uint16_t columns) {
  ExecSession session = get(id);
  if (!session.running)
    throw sys::Error(sys::ErrorKind::conflict,
                     fmt::format("exec {} is not running: cannot resize it", id));
  expect_running(session.container_id)->resize(id, rows, columns);
}

json ExecSessions::inspect(const std::string& id) {
  wait_until_settled(id);
  ExecSession session = get(id);
  if (session.running) {
    // A client that saw the end of the stream asks for the exit code: the monitor has sent it
    // before the end, so that what answers a question sent now comes behind it.
    std::shared_ptr<MonitorClient> monitor;
    if (auto container = containers_.find_by_id(session.container_id)) {
      std::lock_guard lock(container->mutex);
      monitor = container->monitor;
    }
    if (monitor) monitor->synchronize();
    session = get(id);
  }
  std::vector<std::string> arguments = session.config.cmd;
  std::string entrypoint = arguments.empty() ? "" : arguments.front();
  if (!arguments.empty()) arguments.erase(arguments.begin());
  json process{{"tty", session.config.tty},
               {"entrypoint", entrypoint},
               {"arguments", arguments},
               {"privileged", session.config.privileged}};
  if (!session.config.user.empty()) process["user"] = session.config.user;
  return {{"ID", session.id},
          {"Running", session.running},
          {"ExitCode", session.exit_code ? json(*session.exit_code) : json(nullptr)},
          {"ProcessConfig", process},
          {"OpenStdin", session.attach_stdin},
          {"OpenStderr", session.attach_stderr},
          {"OpenStdout", session.attach_stdout},
          {"CanRemove", false},
          {"ContainerID", session.container_id},
          {"DetachKeys", session.detach_keys},
          {"Pid", session.pid}};
}

void ExecSessions::set_ended(const std::string& id, int exit_code, bool publish) {
  std::string container_id;
  {
    std::lock_guard lock(mutex_);
    auto session = sessions_.find(id);
    if (session == sessions_.end() || session->second.exit_code) return;
    session->second.running = false;
    session->second.exit_code = exit_code;
    session->second.ended = sys::monotonic_now();
    container_id = session->second.container_id;
  }
  std::shared_ptr<Container> container = containers_.find_by_id(container_id);
  if (!publish || !container) return;
  ContainerRecord record;
  {
    std::lock_guard lock(container->mutex);
    record = container->record;
  }
  containers_.publish(record, "exec_die",
                      {{"execID", id}, {"exitCode", std::to_string(exit_code)}});
}

// What still ran when its container ended was killed with it.
void ExecSessions::end_all(const std::string& container_id) {
  for (const std::string& id : ids_of(container_id))
    if (get(id).running) set_ended(id, killed, true);
}

void ExecSessions::forget(const std::string& container_id) {
  std::lock_guard lock(mutex_);
  std::erase_if(sessions_,
                [&](const auto& entry) { return entry.second.container_id == container_id; });
}

void ExecSessions::adopt(const std::string& container_id, const runtime::ExecRecord& record) {
  ExecSession session;
  session.id = record.id;
  session.container_id = container_id;
  session.started = true;
  session.running = record.running;
  session.pid = record.pid;
  if (!record.running) {
    session.exit_code = record.exit_code;
    session.ended = sys::monotonic_now();
  }
  std::lock_guard lock(mutex_);
  sessions_.emplace(record.id, std::move(session));
}

void ExecSessions::forget_old() {
  int64_t now = sys::monotonic_now();
  std::erase_if(sessions_, [&](const auto& entry) {
    return entry.second.exit_code && now - entry.second.ended > kept_after_end;
  });
}

}  // namespace ctr::daemon
