#include "daemon/restarts.h"

#include <pthread.h>

#include <algorithm>

#include "daemon/logging.h"

namespace ctr::daemon {

namespace {

constexpr int64_t millisecond = 1'000'000;
constexpr int64_t first_delay = 100 * millisecond;
constexpr int64_t longest_delay = 60'000 * millisecond;
constexpr int64_t long_enough = 10'000 * millisecond;

}  // namespace

bool wants_restart(const RestartPolicy& policy, int exit_code, int64_t restart_count,
                   bool stopped_by_user) {
  if (stopped_by_user) return false;
  if (policy.name == "always" || policy.name == "unless-stopped") return true;
  if (policy.name != "on-failure" || exit_code == 0) return false;
  return policy.maximum_retries == 0 || restart_count < policy.maximum_retries;
}

bool wants_start_with_daemon(const RestartPolicy& policy, int exit_code, bool stopped_by_user) {
  if (policy.name == "always") return true;
  if (policy.name == "unless-stopped") return !stopped_by_user;
  return policy.name == "on-failure" && exit_code != 0 && !stopped_by_user;
}

int64_t next_restart_delay(int64_t last_delay, int64_t run_time) {
  if (last_delay == 0 || run_time >= long_enough) return first_delay;
  return std::min(last_delay * 2, longest_delay);
}

Restarts::Restarts(std::function<void(const std::string&)> start)
    : start_(std::move(start)), thread_([this] { run(); }) {
  ::pthread_setname_np(thread_.native_handle(), "restarts");
}

Restarts::~Restarts() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void Restarts::schedule(const std::string& id, int64_t delay) {
  {
    std::lock_guard lock(mutex_);
    due_.emplace(sys::monotonic_now() + delay, id);
  }
  changed_.notify_all();
}

void Restarts::run() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    if (due_.empty()) {
      changed_.wait(lock);
      continue;
    }
    int64_t left = due_.begin()->first - sys::monotonic_now();
    if (left > 0) {
      changed_.wait_for(lock, std::chrono::nanoseconds(left));
      continue;
    }
    std::string id = std::move(due_.begin()->second);
    due_.erase(due_.begin());
    lock.unlock();
    try {
      start_(id);
    } catch (const std::exception& error) {
      log_warn("container could not be restarted", {{"container", id}, {"error", error.what()}});
    }
    lock.lock();
  }
}

}  // namespace ctr::daemon
