// A thread that does, one after the other, what nobody waits for. Owned by whoever posts to it.
// Runs in: ctrd. Thread-safe.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

namespace ctr::daemon {

class WorkQueue {
 public:
  // `name` is what the log says when a job throws; at most 15 characters, also the thread's name.
  explicit WorkQueue(std::string name);
  // Does what is queued, then ends.
  ~WorkQueue();
  WorkQueue(const WorkQueue&) = delete;
  WorkQueue& operator=(const WorkQueue&) = delete;

  void post(std::function<void()> job);
  // Blocks until all that was posted before is done.
  void wait_until_done();

 private:
  void run();

  const std::string name_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> jobs_;
  uint64_t posted_ = 0;
  uint64_t done_ = 0;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace ctr::daemon
