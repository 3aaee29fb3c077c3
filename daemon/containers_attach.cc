// Clients that look at or wait for a container's process.
#include <poll.h>

#include <nlohmann/json.hpp>

#include "daemon/containers.h"
#include "runtime/sys/error.h"

namespace ctr::daemon {

namespace {

bool is_hung_up(const ParkedAttach& parked) {
  pollfd item{parked.socket.get(), POLLRDHUP, 0};
  return ::poll(&item, 1, 0) > 0 && (item.revents & (POLLHUP | POLLERR)) != 0;
}

}  // namespace

Containers::PendingAttach::PendingAttach(Containers& containers,
                                         std::shared_ptr<Container> container)
    : containers_(containers), container_(std::move(container)) {
  std::lock_guard lock(container_->mutex);
  if (container_->live.state.status == Status::paused)
    throw sys::Error(sys::ErrorKind::conflict,
                     fmt::format("container {} is paused, unpause the container before attach",
                                 container_->record.name));
  tty_ = container_->record.config.tty;
  ++container_->attaches_coming;
}

Containers::PendingAttach::~PendingAttach() {
  if (finished_) return;
  std::lock_guard lock(container_->mutex);
  --container_->attaches_coming;
  container_->notify();
}

void Containers::PendingAttach::finish(sys::UniqueFd socket, runtime::AttachOptions options) {
  finished_ = true;
  std::shared_ptr<MonitorClient> monitor;
  ContainerRecord record;
  {
    std::lock_guard lock(container_->mutex);
    --container_->attaches_coming;
    monitor = container_->monitor;
    record = container_->record;
    if (!monitor && !container_->removed) {
      // Clients that gave up meanwhile make room (D11).
      std::erase_if(container_->parked, is_hung_up);
      container_->parked.push_back({std::move(socket), std::move(options)});
    }
    container_->notify();
  }
  if (monitor) {
    try {
      monitor->attach(socket, options);
    } catch (const sys::Error& error) {
      // It ended in this moment: the client sees the end of its stream, as it would a moment later.
      if (error.kind() != sys::ErrorKind::conflict) throw;
    }
  }
  containers_.publish(record, "attach");
}

std::unique_ptr<Containers::PendingAttach> Containers::prepare_attach(
    const std::string& reference) {
  return std::unique_ptr<PendingAttach>(new PendingAttach(*this, index_.get(reference)));
}

// Not while it is being started or stopped.
std::shared_ptr<MonitorClient> Containers::expect_monitor(const std::shared_ptr<Container>& container) {
  Operation operation(*this, container);
  std::lock_guard lock(container->mutex);
  if (!container->monitor)
    throw sys::Error(sys::ErrorKind::conflict, fmt::format("container {} is not running", container->id));
  return container->monitor;
}

nlohmann::json Containers::timeline(const std::string& reference) {
  return expect_monitor(index_.get(reference))->timeline();
}

void Containers::resize(const std::string& reference, uint16_t rows, uint16_t columns) {
  const ContainerRecord record = snapshot(reference).record;
  expect_monitor(index_.get(record.id))->resize("", rows, columns);
  publish(record, "resize", {{"height", std::to_string(rows)}, {"width", std::to_string(columns)}});
}

ExitWait Containers::wait(const std::string& reference, WaitCondition condition) {
  return {index_.get(reference), condition};
}

}  // namespace ctr::daemon
