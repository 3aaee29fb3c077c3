#include "daemon/container.h"

#include <sys/eventfd.h>

#include <algorithm>

#include "runtime/sys/error.h"

namespace ctr::daemon {

void Container::notify() {
  changed.notify_all();
  std::erase_if(watchers, [](const std::weak_ptr<const sys::UniqueFd>& watcher) {
    std::shared_ptr<const sys::UniqueFd> event = watcher.lock();
    if (event) ::eventfd_write(event->get(), 1);
    return !event;
  });
}

ContainerWatch::ContainerWatch(Container& container)
    : event_(std::make_shared<const sys::UniqueFd>(
          sys::check(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), "eventfd"))) {
  std::lock_guard lock(container.mutex);
  std::erase_if(container.watchers, [](const auto& watcher) { return watcher.expired(); });
  container.watchers.push_back(event_);
}

void ContainerWatch::drain() const {
  eventfd_t count = 0;
  ::eventfd_read(event_->get(), &count);
}

Ending::Ending(Container& container) : container_(container) {
  std::lock_guard lock(container_.mutex);
  ++container_.endings;
}

Ending::~Ending() {
  std::lock_guard lock(container_.mutex);
  --container_.endings;
}

ExitWait::ExitWait(std::shared_ptr<Container> container, WaitCondition condition)
    : container_(std::move(container)), condition_(condition), watch_(*container_) {
  std::lock_guard lock(container_->mutex);
  exits_ = container_->exits;
}

std::optional<WaitResult> ExitWait::poll() const {
  watch_.drain();
  std::lock_guard lock(container_->mutex);
  const RunState& state = container_->live.state;
  bool done = container_->removed;
  if (condition_ == WaitCondition::not_running) done = done || !state.running();
  if (condition_ == WaitCondition::next_exit) done = done || container_->exits != exits_;
  if (!done) return std::nullopt;
  // Why a start failed, the start's own answer says; here only why a run ended is of interest.
  return WaitResult{state.exit_code, container_->exits != exits_ ? state.error : ""};
}

bool wait_until_stopped(Container& container, std::chrono::milliseconds patience) {
  std::unique_lock lock(container.mutex);
  auto stopped = [&] { return !container.live.state.alive(); };
  // A wait for ever is in steps: wait_for adds to the clock and must not overflow.
  if (patience == std::chrono::milliseconds::max()) {
    container.changed.wait(lock, stopped);
    return true;
  }
  return container.changed.wait_for(lock, patience, stopped);
}

}  // namespace ctr::daemon
