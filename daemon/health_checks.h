// Runs the containers' health checks: one thread starts them when they are due and reads what they
// say; the monitors do the waiting. Owned by ContainerEngine. Runs in: ctrd.
#pragma once

#include <condition_variable>
#include <list>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "daemon/containers.h"
#include "daemon/exec_sessions.h"

namespace ctr::daemon {

class HealthChecks {
 public:
  HealthChecks(Containers& containers, ExecSessions& execs);
  ~HealthChecks() { stop(); }
  HealthChecks(const HealthChecks&) = delete;
  HealthChecks& operator=(const HealthChecks&) = delete;

  // The container was started, or was found running. Nothing happens without a check. Does not
  // block.
  void begin(const std::string& container_id);
  // No check is started any more; those that run are left to themselves.
  void stop();

 private:
  // One run of a container: a later one has its own.
  struct Subject {
    std::string container_id;
    sys::Timestamp started_at = 0;
  };
  struct Probe {
    Subject subject;
    HealthCheck check;
    std::string exec_id;
    sys::UniqueFd output;
    int64_t deadline = 0;  // monotonic
    HealthResult result;
    bool ended = false;
  };

  void run();
  void start_due();
  void start_probe(const Subject& subject);
  void launch(Probe& probe);
  void wait();
  void read_output(Probe& probe);
  void expire(Probe& probe);
  void finish(Probe& probe);
  void schedule(const Subject& subject, int64_t delay);
  int next_wait();  // milliseconds, -1: for ever

  Containers& containers_;
  ExecSessions& execs_;
  sys::UniqueFd wake_;                   // an eventfd
  std::mutex mutex_;                     // of the two below
  std::multimap<int64_t, Subject> due_;  // by monotonic time
  bool stopping_ = false;
  std::list<Probe> probes_;  // the thread's own
  std::thread thread_;
};

}  // namespace ctr::daemon
