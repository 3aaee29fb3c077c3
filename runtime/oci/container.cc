#include "runtime/oci/container.h"

#include "runtime/oci/lifecycle_hooks.h"

#include <poll.h>
#include <signal.h>

#include "runtime/sys/error.h"

namespace ctr::runtime::oci {

namespace {

using sys::Error;
using sys::ErrorKind;

constexpr milliseconds end_deadline{10'000};

// A pidfd is readable once its process has ended, whether it was reaped or not.
bool ends_within(const sys::Process& process, milliseconds deadline) {
  pollfd item{process.pidfd(), POLLIN, 0};
  const int timeout = static_cast<int>(deadline.count());
  return sys::retry_on_signal([&] { return ::poll(&item, 1, timeout); }) > 0;
}

bool is_frozen(const std::optional<Cgroup>& cgroup) {
  try {
    return cgroup && cgroup->is_frozen();
  } catch (const Error&) {
    return false;  // no freezer on this machine: nobody can have paused it
  }
}

}  // namespace

Container::Container(ContainerDirectory directory)
    : directory_(std::move(directory)), record_(directory_.read_record()) {
  if (record_.pid > 0) init_ = sys::Process::find(record_.pid, record_.start_time);
}

std::optional<Container> Container::find(const std::string& root, const std::string& id,
                                         Access access) {
  std::optional<ContainerDirectory> directory = ContainerDirectory::find(root, id);
  if (!directory) return std::nullopt;
  if (access == Access::change && !directory->lock()) return std::nullopt;
  return Container(std::move(*directory));
}

Container Container::open(const std::string& root, const std::string& id, Access access) {
  std::optional<Container> found = find(root, id, access);
  if (!found) throw Error(ErrorKind::not_found, "container does not exist: " + id);
  return std::move(*found);
}

bool Container::has_ended() const {
  return !init_ || ends_within(*init_, milliseconds(0));
}

void Container::await_end() const {
  if (init_) (void)ends_within(*init_, end_deadline);
}

Status Container::status() const {
  if (record_.pid == 0) return Status::creating;
  if (has_ended()) return Status::stopped;
  if (is_frozen(find_cgroup())) return Status::paused;
  return directory_.is_waiting() ? Status::created : Status::running;
}

std::optional<Cgroup> Container::find_cgroup() const {
  if (record_.cgroup_path.empty()) return std::nullopt;
  return Cgroup::find(detect_layout(), record_.cgroup_path);
}

Cgroup Container::open_cgroup_of_running() const {
  if (has_ended()) throw Error(ErrorKind::conflict, "container not running");
  std::optional<Cgroup> cgroup = find_cgroup();
  if (!cgroup)
    throw Error(ErrorKind::unsupported,
                fmt::format("container {} has no cgroup: the user who made it was not allowed to make one", record_.id));
  return std::move(*cgroup);
}

void destroy(Container& container, const Log& log) {
  std::optional<Cgroup> cgroup = container.find_cgroup();
  if (container.init()) container.init()->signal(SIGKILL);
  if (cgroup) cgroup->kill_all();
  if (container.init() && !ends_within(*container.init(), end_deadline))
    throw Error(ErrorKind::unavailable,
                fmt::format("container {}: its process {} does not end", container.record().id,
                            container.record().pid));
  if (cgroup) cgroup->remove(end_deadline);
  run_poststop_hooks(container.directory(), log);
  container.directory().remove();
}

}  // namespace ctr::runtime::oci
