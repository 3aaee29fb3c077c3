#include "daemon/health_checks.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "daemon/logging.h"
#include "runtime/sys/error.h"
#include "runtime/sys/socket.h"

namespace ctr::daemon {

namespace {

using nlohmann::json;

constexpr int64_t millisecond = 1'000'000;

std::string seconds_text(int64_t nanoseconds) {
  if (nanoseconds % 1'000'000'000 == 0) return fmt::format("{}s", nanoseconds / 1'000'000'000);
  return fmt::format("{}ms", nanoseconds / millisecond);
}

}  // namespace

HealthChecks::HealthChecks(Containers& containers, ExecSessions& execs)
    : containers_(containers),
      execs_(execs),
      wake_(sys::check(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), "eventfd")),
      thread_([this] { run(); }) {
  ::pthread_setname_np(thread_.native_handle(), "health");
}

void HealthChecks::stop() {
  if (!thread_.joinable()) return;
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  ::eventfd_write(wake_.get(), 1);
  thread_.join();
}

void HealthChecks::begin(const std::string& container_id) {
  std::shared_ptr<Container> container = containers_.find_by_id(container_id);
  if (!container) return;
  Subject subject;
  int64_t delay = 0;
  {
    std::lock_guard lock(container->mutex);
    const std::optional<HealthCheck>& check = container->record.config.health_check;
    const LiveRecord& live = container->live;
    if (!check || !live.state.alive()) return;
    subject = {container_id, live.state.started_at};
    delay = next_health_delay(live.health, *check, live.state.started_at, sys::now());
  }
  schedule(subject, delay);
}

void HealthChecks::schedule(const Subject& subject, int64_t delay) {
  {
    std::lock_guard lock(mutex_);
    for (const auto& [time, other] : due_)
      if (other.container_id == subject.container_id && other.started_at == subject.started_at)
        return;  // found running, and told of its start
    due_.emplace(sys::monotonic_now() + delay, subject);
  }
  ::eventfd_write(wake_.get(), 1);
}

void HealthChecks::run() {
  while (true) {
    {
      std::lock_guard lock(mutex_);
      if (stopping_) return;
    }
    start_due();
    wait();
    for (Probe& probe : probes_)
      if (!probe.ended && sys::monotonic_now() >= probe.deadline) expire(probe);
    for (Probe& probe : probes_)
      if (probe.ended) finish(probe);
    probes_.remove_if([](const Probe& probe) { return probe.ended; });
  }
}

void HealthChecks::start_due() {
  std::vector<Subject> now_due;
  {
    std::lock_guard lock(mutex_);
    auto end = due_.upper_bound(sys::monotonic_now());
    for (auto entry = due_.begin(); entry != end; ++entry) now_due.push_back(entry->second);
    due_.erase(due_.begin(), end);
  }
  for (const Subject& subject : now_due) {
    try {
      start_probe(subject);
    } catch (const std::exception& error) {
      log_warn("health check could not be run",
               {{"container", subject.container_id}, {"error", error.what()}});
    }
  }
}

void HealthChecks::start_probe(const Subject& subject) {
  std::shared_ptr<Container> container = containers_.find_by_id(subject.container_id);
  if (!container) return;
  Probe probe{.subject = subject, .check = {}, .exec_id = {}, .output = {}, .result = {}};
  Status status = Status::created;
  {
    std::lock_guard lock(container->mutex);
    const RunState& state = container->live.state;
    if (!state.alive() || state.started_at != subject.started_at) return;
    status = state.status;
    probe.check = container->record.config.health_check.value();
  }
  // Nobody answers while everything is frozen, and that says nothing.
  if (status == Status::paused) return schedule(subject, probe.check.interval);
  probe.result.start = sys::now();
  probe.deadline = sys::monotonic_now() + probe.check.timeout;
  launch(probe);
  probes_.push_back(std::move(probe));
}

void HealthChecks::launch(Probe& probe) {
  try {
    auto [ours, theirs] = sys::socket_pair(SOCK_STREAM);
    probe.exec_id = execs_.create(
        probe.subject.container_id,
        {{"Cmd", probe.check.command}, {"AttachStdout", true}, {"AttachStderr", true}});
    execs_.begin(probe.exec_id, {});
    execs_.run(probe.exec_id, &theirs, "", ExecSessions::Output::raw);
    sys::set_nonblocking(ours.get(), true);
    probe.output = std::move(ours);
  } catch (const sys::Error& error) {
    probe.result.exit_code = -1;
    probe.result.output = std::string(error.what()).substr(0, health_output_limit);
    probe.ended = true;
  }
}

int HealthChecks::next_wait() {
  int64_t next = INT64_MAX;
  for (const Probe& probe : probes_) next = std::min(next, probe.ended ? 0 : probe.deadline);
  std::lock_guard lock(mutex_);
  if (!due_.empty()) next = std::min(next, due_.begin()->first);
  if (next == INT64_MAX) return -1;
  int64_t left = next - sys::monotonic_now();
  return left <= 0 ? 0 : static_cast<int>(std::min<int64_t>(left / millisecond + 1, 3'600'000));
}

void HealthChecks::wait() {
  std::vector<pollfd> items{{wake_.get(), POLLIN, 0}};
  std::vector<Probe*> readers;
  for (Probe& probe : probes_) {
    if (probe.ended) continue;
    items.push_back({probe.output.get(), POLLIN, 0});
    readers.push_back(&probe);
  }
  if (::poll(items.data(), items.size(), next_wait()) <= 0) return;
  eventfd_t count = 0;
  (void)::eventfd_read(wake_.get(), &count);
  for (size_t i = 0; i < readers.size(); ++i)
    if (items[i + 1].revents != 0) read_output(*readers[i]);
}

// The end of the output comes after the exit was announced.
void HealthChecks::read_output(Probe& probe) {
  char buffer[4096];
  while (true) {
    ssize_t count = ::read(probe.output.get(), buffer, sizeof buffer);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && errno == EAGAIN) return;
    if (count <= 0) break;
    size_t room = health_output_limit - probe.result.output.size();
    probe.result.output.append(buffer, std::min(static_cast<size_t>(count), room));
  }
  probe.ended = true;
  json state = execs_.inspect(probe.exec_id);
  probe.result.exit_code = state["ExitCode"].is_number() ? state["ExitCode"].get<int>() : -1;
}

void HealthChecks::expire(Probe& probe) {
  probe.ended = true;
  probe.result.exit_code = -1;
  std::string text =
      fmt::format("Health check exceeded timeout ({})", seconds_text(probe.check.timeout));
  if (!probe.result.output.empty()) text += ": " + probe.result.output;
  probe.result.output = text.substr(0, health_output_limit);
  execs_.kill(probe.exec_id);
}

void HealthChecks::finish(Probe& probe) {
  probe.result.end = sys::now();
  if (auto delay = containers_.record_health(probe.subject.container_id, probe.subject.started_at,
                                             std::move(probe.result)))
    schedule(probe.subject, *delay);
}

}  // namespace ctr::daemon
