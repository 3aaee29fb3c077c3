#include "runtime/monitor/monitor.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "runtime/spec_json.h"
#include "runtime/sys/idle_memory.h"
#include "runtime/sys/file.h"

namespace ctr::runtime {

namespace {

using Json = nlohmann::json;

// How long an ended container's monitor waits for clients to fetch the rest of the output.
constexpr int64_t linger_nanoseconds = 600LL * 1000 * 1000 * 1000;

// cgroup v1 tells that memory has run out before it kills, and counts the kill later: we look again,
// this often and with this pause in milliseconds.
constexpr int oom_looks = 100;
constexpr int oom_pause = 20;

// How often to look whether a process that has ended can be reaped: milliseconds.
constexpr int held_pause = 200;

// Milliseconds without anything to do after which there is likely to be nothing for long.
constexpr int quiet_time = 2000;

std::string kind_name(sys::ErrorKind kind) {
  switch (kind) {
    case sys::ErrorKind::invalid_argument:
      return "invalid_argument";
    case sys::ErrorKind::not_found:
      return "not_found";
    case sys::ErrorKind::conflict:
      return "conflict";
    case sys::ErrorKind::forbidden:
      return "forbidden";
    default:
      return "internal";
  }
}

SessionOptions session_options(const ContainerSpec& spec, const MonitorConfig& config,
                               LogWriter& log) {
  return {.terminal = spec.process.terminal,
          .open_stdin = config.open_stdin,
          .stdin_once = config.stdin_once,
          .detach_keys = config.detach_keys,
          .log = &log};
}

std::optional<CompiledFilter> read_compiled(const Seccomp& seccomp) {
  if (seccomp.compiled_path.empty()) return std::nullopt;
  return read_filter(seccomp.compiled_path, seccomp.filter_flags);
}

// Waits a moment: between the death of a first process and its being reapable the kernel ends the
// rest of the container.
bool has_ended(const sys::Process& process) {
  pollfd item{process.pidfd(), POLLIN, 0};
  return ::poll(&item, 1, 500) > 0;
}

bool has_own_pid_namespace(const ContainerSpec& spec) {
  for (const Namespace& space : spec.namespaces)
    if (space.kind == NamespaceKind::pid) return space.path.empty();
  return false;
}

}  // namespace

Monitor::Monitor(Assignment assignment, CgroupLayout layout, sys::UniqueFd connection,
                 sys::MessageReader reader)
    : directory_(std::move(assignment.directory)),
      config_(std::move(assignment.config)),
      spec_(std::move(assignment.spec)),
      spec_text_(std::move(assignment.spec_text)),
      cgroup_layout_(std::move(layout)),
      filter_(read_compiled(spec_.seccomp)),
      log_(config_.log),
      session_(session_options(spec_, config_, log_)) {
  connections_.push_back(
      {.socket = std::move(connection), .reader = std::move(reader), .ended = false});
}

Monitor::~Monitor() = default;

int Monitor::run() {
  try {
    if (!wait_for_start()) return 0;  // the daemon changed its mind, or died: nothing was begun
    launch_container();
  } catch (const LaunchError& error) {
    report_failure(error, error.stage(), error.exit_code());
    return 1;
  } catch (const sys::Error& error) {
    report_failure(error, "start", 125);
    return 1;
  }
  while (!ended_) serve();
  linger();
  return 0;
}

bool Monitor::wait_for_start() {
  Connection& daemon = connections_.front();
  while (std::optional<sys::Message> message = daemon.reader.receive(daemon.socket.get())) {
    Json request = Json::parse(message->text, nullptr, false);
    if (request.is_object() && request.value("type", "") == "start") return true;
    handle(daemon, std::move(*message));
  }
  return false;
}

void Monitor::launch_container() {
  timeline_.mark("monitor: told to start");
  PendingContainer pending = launch(spec_, {.cgroup_layout = cgroup_layout_,
                                            .stdio = session_.child_stdio(),
                                            .filter = filter_ ? &*filter_ : nullptr,
                                            .timeline = &timeline_});
  cgroup_ = std::move(pending.cgroup);
  if (spec_.process.terminal) session_.use_terminal(pending.init.take_terminal());
  session_.close_child_ends();
  // While the container's side is busy: nobody reads it before the state is there.
  write_specification();
  ::unlink((directory_ + "/control.sock").c_str());
  listener_ = sys::listen_unix(directory_ + "/control.sock", 0600);
  // Counted from before the first instruction of the container's program, that none is missed.
  if (std::optional<sys::UniqueFd> events = cgroup_.open_oom_events())
    oom_events_ = std::move(*events);
  pid_t pid = pending.init.process().pid();
  // A set-up that failed may have ended the process already: start() tells why.
  if (auto space = sys::find_at(AT_FDCWD, fmt::format("/proc/{}/ns/mnt", pid), O_RDONLY))
    mount_namespace_ = std::move(*space);
  ContainerState state{.pid = pid,
                       .start_time = sys::find_start_time(pid).value_or(0),
                       .monitor_pid = ::getpid(),
                       .monitor_start_time = sys::find_start_time(::getpid()).value_or(0),
                       .started_at = sys::now()};
  // Before the start: a daemon that comes back finds the container whatever dies in between.
  write_file("state.json", to_json(state));
  timeline_.mark("monitor: write the state");
  if (config_.name_server) {
    pending.init.prepare();
    open_name_server(pid);
  }
  process_ = pending.init.start();
  timeline_.mark("monitor: started");
  broadcast({{"type", "started"}, {"pid", pid}, {"started_at", state.started_at}});
}

// The directory is new and nobody has looked for it yet: no need for a rename.
void Monitor::write_specification() {
  const std::string path = directory_ + "/config.json";
  sys::UniqueFd file = sys::open_at(AT_FDCWD, path, O_WRONLY | O_CREAT | O_EXCL, 0600);
  sys::write_all(file.get(), spec_text_, path);
  spec_text_ = {};
}

void Monitor::open_name_server(pid_t pid) {
  sys::UniqueFd network = sys::open_at(AT_FDCWD, fmt::format("/proc/{}/ns/net", pid), O_RDONLY);
  name_sockets_ = open_name_sockets(network.get());
}

// Also of a container that has come to a network with a name server after its start.
std::vector<int> Monitor::lend_name_sockets() {
  if (!process_) throw sys::Error(sys::ErrorKind::conflict, "the container is not running");
  if (!name_sockets_) open_name_server(process_.pid());
  return {name_sockets_->udp.get(), name_sockets_->tcp.get()};
}

void Monitor::report_failure(const sys::Error& error, const std::string& stage, int exit_code) {
  ExitRecord record{.exit_code = exit_code,
                    .oom_killed = false,
                    .finished_at = sys::now(),
                    .error = error.what()};
  write_file("exit.json", to_json(record));
  broadcast({{"type", "failed"},
             {"stage", stage},
             {"message", error.what()},
             {"kind", kind_name(error.kind())},
             {"exit_code", exit_code}});
}

void Monitor::serve() {
  PollSet set;
  watch_connections(set);
  session_.watch(set);
  watch_execs(set);
  if (oom_events_) set.add(oom_events_.get(), POLLIN | POLLPRI, [&](short) { notice_oom(); });
  bool container_exited = false;
  if (!held_) set.add(process_.pidfd(), POLLIN, [&](short) { container_exited = true; });
  wait_for_events(set);
  if (oom_looks_ > 0) look_for_oom_kill();
  look_at_held();
  sweep_execs();
  if (container_exited || held_) container_ended();
}

// The kernel says of a process that it has ended, and yet gives it to nobody as long as somebody traces it: a
// process of the container that does and never lets go must not make us ask without a pause. Until then it
// counts as running.
void Monitor::look_at_held() {
  for (Exec& exec : execs_)
    if (exec.held && exec.running) end_exec(exec);
}

bool Monitor::holds_any() const {
  return held_ || std::any_of(execs_.begin(), execs_.end(),
                              [](const Exec& exec) { return exec.held && exec.running; });
}

// After a while without any, memory is given back, once, and then it is as long as it takes.
void Monitor::wait_for_events(PollSet& set) {
  if (oom_looks_ > 0) return void(set.wait(oom_pause));
  if (holds_any()) return void(set.wait(held_pause));
  if (set.wait(quiet_time)) return;
  sys::release_idle_memory();
  set.wait(-1);
}

void Monitor::watch_connections(PollSet& set) {
  connections_.remove_if([](const Connection& connection) { return connection.ended; });
  for (Connection& connection : connections_)
    set.add(connection.socket.get(), POLLIN, [&](short) { read_connection(connection); });
  if (listener_) set.add(listener_.get(), POLLIN, [&](short) { accept_daemon(); });
}

void Monitor::watch_execs(PollSet& set) {
  for (Exec& exec : execs_) {
    exec.session->watch(set);
    if (exec.running && !exec.held) set.add(exec.process.pidfd(), POLLIN, [&](short) { end_exec(exec); });
  }
}

void Monitor::accept_daemon() {
  sys::UniqueFd socket = sys::accept_connection(listener_.get());
  if (sys::peer_of(socket.get()).uid != 0) return;
  connections_.push_back({.socket = std::move(socket), .reader = {}, .ended = false});
}

void Monitor::read_connection(Connection& connection) {
  try {
    sys::set_nonblocking(connection.socket.get(), true);
    if (connection.reader.read_some(connection.socket.get()) == sys::MessageReader::Progress::end)
      connection.ended = true;
    while (std::optional<sys::Message> message = connection.reader.take())
      handle(connection, std::move(*message));
  } catch (const sys::Error&) {
    connection.ended = true;  // it speaks another language, or is gone: the next one may do better
  }
}

void Monitor::handle(Connection& connection, sys::Message message) {
  Json request = Json::parse(message.text, nullptr, false);
  Json reply = {{"type", "reply"}};
  std::vector<int> descriptors;
  if (request.is_object() && request.contains("seq")) reply["seq"] = request["seq"];
  try {
    dispatch(request, message, reply, descriptors);
  } catch (const LaunchError& error) {
    reply["error"] = error.what();
    reply["kind"] = kind_name(error.kind());
    reply["exit_code"] = error.exit_code();
  } catch (const sys::Error& error) {
    reply["error"] = error.what();
    reply["kind"] = kind_name(error.kind());
  } catch (const Json::exception& error) {
    reply["error"] = std::string("malformed request: ") + error.what();
    reply["kind"] = "invalid_argument";
  }
  if (reply.contains("seq")) send(connection, reply, descriptors);
}

void Monitor::dispatch(const Json& request, sys::Message& message, Json& reply,
                       std::vector<int>& descriptors) {
  const std::string type = request.at("type").get<std::string>();
  if (type == "attach") return attach(request, message);
  if (type == "exec") return start_exec(request, message, reply);
  if (type == "signal") return signal_container(request.at("signal").get<int>());
  if (type == "resize") return resize(request);
  if (type == "close_stdin") return session_.close_stdin();
  if (type == "timeline") return void(reply["timeline"] = Json::parse(timeline_.to_json()));
  if (type == "name_sockets") return void(descriptors = lend_name_sockets());
  throw sys::Error(sys::ErrorKind::invalid_argument, fmt::format("unknown request '{}'", type));
}

void Monitor::attach(const Json& request, sys::Message& message) {
  if (message.descriptors.size() != 1)
    throw sys::Error(sys::ErrorKind::invalid_argument, "attach needs one descriptor");
  session_.attach(std::move(message.descriptors[0]), parse_attach_options(request.dump()));
}

void Monitor::signal_container(int number) {
  if (!process_ || !process_.signal(number))
    throw sys::Error(sys::ErrorKind::conflict, "the container is not running");
}

void Monitor::resize(const Json& request) {
  uint16_t rows = request.at("rows").get<uint16_t>();
  uint16_t columns = request.at("columns").get<uint16_t>();
  std::string id = request.value("exec_id", "");
  if (id.empty()) return session_.resize(rows, columns);
  for (Exec& exec : execs_)
    if (exec.id == id) return exec.session->resize(rows, columns);
  throw sys::Error(sys::ErrorKind::not_found, fmt::format("no such exec instance: {}", id));
}

void Monitor::start_exec(const Json& request, sys::Message& message, Json& reply) {
  Process process = parse_process(request.at("process").dump());
  const Json* attach =
      request.contains("attach") && request["attach"].is_object() ? &request["attach"] : nullptr;
  AttachOptions options =
      attach != nullptr ? parse_attach_options(attach->dump()) : AttachOptions{};
  auto session = std::make_unique<Session>(SessionOptions{.terminal = process.terminal,
                                                          .open_stdin = options.stdin_stream,
                                                          .stdin_once = true,
                                                          .detach_keys = config_.detach_keys,
                                                          .log = nullptr});
  if (attach != nullptr && message.descriptors.size() == 1)
    session->attach(std::move(message.descriptors[0]), options);
  std::string id = request.at("exec_id").get<std::string>();
  try {
    PendingProcess pending = launch_exec(spec_, process, process_, cgroup_,
                                         {.cgroup_layout = cgroup_layout_,
                                          .stdio = session->child_stdio(),
                                          .filter = filter_ ? &*filter_ : nullptr,
                                          .timeline = nullptr});
    if (process.terminal) session->use_terminal(pending.take_terminal());
    session->close_child_ends();
    sys::Process running = pending.start();
    reply["pid"] = running.pid();
    write_file("exec-" + id + ".json", to_json(ExecRecord{id, running.pid(), true, 0}));
    execs_.push_back({id, std::move(running), std::move(session), true, 0});
  } catch (const sys::Error& error) {
    auto* launch_error = dynamic_cast<const LaunchError*>(&error);
    // An exec has no 125, which is a run's: what is not "not found" could not be invoked.
    int exit_code = launch_error != nullptr ? std::max(launch_error->exit_code(), 126) : 126;
    // Joining a container that is just ending fails in many ways, all of which mean this one.
    const bool too_late = error.kind() == sys::ErrorKind::internal && has_ended(process_);
    if (too_late) exit_code = 126;
    session->report(
        fmt::format("OCI runtime exec failed: exec failed: unable to start container process: {}\n",
                    too_late ? "the container is not running" : error.what()));
    write_file("exec-" + id + ".json", to_json(ExecRecord{id, 0, false, exit_code}));
    if (too_late) throw sys::Error(sys::ErrorKind::conflict, "the container is not running");
    throw;
  }
}

void Monitor::end_exec(Exec& exec) {
  std::optional<sys::ExitStatus> status = exec.process.try_wait();
  exec.held = !status;
  if (!status) return;
  exec.running = false;
  exec.exit_code = status->exit_code();
  exec.session->drain();
  write_file("exec-" + exec.id + ".json",
             to_json(ExecRecord{exec.id, exec.process.pid(), false, exec.exit_code}));
  broadcast({{"type", "exec_exited"}, {"exec_id", exec.id}, {"exit_code", exec.exit_code}});
}

// An exec's clients are let go after its exit was announced: who sees the end of the stream and
// asks for the exit code finds it.
void Monitor::sweep_execs() {
  execs_.remove_if([](const Exec& exec) { return !exec.running && !exec.session->has_pending(); });
}

void Monitor::notice_oom() {
  Cgroup::drain_oom_events(oom_events_.get());
  oom_looks_ = oom_looks;
}

void Monitor::look_for_oom_kill() {
  --oom_looks_;
  uint64_t kills = cgroup_.oom_kill_count();
  if (kills == oom_kills_) return;
  oom_kills_ = kills;
  oom_looks_ = 0;
  broadcast({{"type", "oom"}});
}

void Monitor::container_ended() {
  std::optional<sys::ExitStatus> status = process_.try_wait();
  held_ = !status;
  if (!status) return;
  sys::Timestamp finished_at = sys::now();
  // Without a pid namespace of its own the kernel has not ended the rest with the first process.
  if (!has_own_pid_namespace(spec_)) cgroup_.kill_all();
  session_.drain();
  uint64_t kills = cgroup_.oom_kill_count();
  if (kills > oom_kills_) broadcast({{"type", "oom"}});
  ExitRecord record{.exit_code = status->exit_code(),
                    .oom_killed = kills > 0,
                    .finished_at = finished_at,
                    .error = ""};
  for (Exec& exec : execs_)
    if (exec.running) end_exec(exec);
  write_file("exit.json", to_json(record));
  listener_.reset();
  name_sockets_.reset();
  ::unlink((directory_ + "/control.sock").c_str());
  Json event = Json::parse(to_json(record));
  event["type"] = "exited";
  broadcast(event);
  cgroup_.release();
  ended_ = true;
}

// Everybody has been told; clients that read slowly still get the rest of the output. The daemon
// takes the end of its connection for the end of the mounts.
void Monitor::linger() {
  // First of all: a client waits for it, and the end of the mounts takes the kernel milliseconds.
  end_streams();
  mount_namespace_.reset();
  connections_.clear();
  int64_t deadline = sys::monotonic_now() + linger_nanoseconds;
  while (end_streams() && sys::monotonic_now() < deadline) {
    PollSet set;
    session_.watch(set);
    for (Exec& exec : execs_) exec.session->watch(set);
    set.wait(1000);
  }
}

// True while somebody has output to fetch.
bool Monitor::end_streams() {
  session_.let_go();
  bool pending = session_.has_pending();
  for (Exec& exec : execs_) {
    exec.session->let_go();
    pending = pending || exec.session->has_pending();
  }
  return pending;
}

void Monitor::write_file(const std::string& name, const std::string& content) {
  try {
    sys::write_atomically(directory_ + "/" + name, content, 0600, sys::Durability::until_reboot);
  } catch (const sys::Error& error) {
    // A full /run must not end a container. The event still goes to the daemon.
    ::dprintf(STDERR_FILENO, "%s: cannot write %s: %s\n", config_.id.c_str(), name.c_str(),
              error.what());
  }
}

void Monitor::broadcast(const Json& event) {
  for (Connection& connection : connections_) send(connection, event);
}

void Monitor::send(Connection& connection, const Json& message,
                   const std::vector<int>& descriptors) {
  if (connection.ended) return;
  try {
    sys::send_message(connection.socket.get(),
                      message.dump(-1, ' ', false, Json::error_handler_t::replace), descriptors);
  } catch (const sys::Error&) {
    // Gone, or so slow that its queue is full: it reads the files when it comes back.
    connection.ended = true;
  }
}

}  // namespace ctr::runtime
