// Restart policies: whether a container that ended is started again, and when. The decision is
// pure; the clock is one thread. Owned by Containers.
#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>

#include "daemon/container_record.h"

namespace ctr::daemon {

// Pure: does the policy start a container again that ended by itself?
bool wants_restart(const RestartPolicy& policy, int exit_code, int64_t restart_count,
                   bool stopped_by_user);
// Pure: does it start it when the daemon starts?
bool wants_start_with_daemon(const RestartPolicy& policy, int exit_code, bool stopped_by_user);

// Docker's back-off, in nanoseconds: 100 ms, doubled up to a minute, begun anew after a run of 10
// s.
int64_t next_restart_delay(int64_t last_delay, int64_t run_time);

class Restarts {
 public:
  // `start` is called with a container's id on the thread of its own, one at a time.
  explicit Restarts(std::function<void(const std::string&)> start);
  ~Restarts();
  Restarts(const Restarts&) = delete;
  Restarts& operator=(const Restarts&) = delete;

  void schedule(const std::string& id, int64_t delay);  // nanoseconds

 private:
  void run();

  std::function<void(const std::string&)> start_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::multimap<int64_t, std::string> due_;  // monotonic time → id
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace ctr::daemon
