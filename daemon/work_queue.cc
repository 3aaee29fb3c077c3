#include "daemon/work_queue.h"

#include <pthread.h>

#include "daemon/logging.h"

namespace ctr::daemon {

WorkQueue::WorkQueue(std::string name) : name_(std::move(name)), thread_([this] { run(); }) {
  ::pthread_setname_np(thread_.native_handle(), name_.c_str());
}

WorkQueue::~WorkQueue() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void WorkQueue::post(std::function<void()> job) {
  {
    std::lock_guard lock(mutex_);
    jobs_.push_back(std::move(job));
    ++posted_;
  }
  changed_.notify_all();
}

void WorkQueue::wait_until_done() {
  std::unique_lock lock(mutex_);
  uint64_t target = posted_;
  changed_.wait(lock, [&] { return done_ >= target; });
}

void WorkQueue::run() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [&] { return stopping_ || !jobs_.empty(); });
    if (jobs_.empty()) return;
    std::function<void()> job = std::move(jobs_.front());
    jobs_.pop_front();
    lock.unlock();
    try {
      job();
    } catch (const std::exception& error) {
      // Nobody waits for the job, so that the log is the only one to tell.
      log_error("background work failed", {{"queue", name_}, {"error", error.what()}});
    }
    job = nullptr;
    lock.lock();
    ++done_;
    changed_.notify_all();
  }
}

}  // namespace ctr::daemon
