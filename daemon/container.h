// One container as the daemon holds it in memory, and those who wait for something to happen to it.
// Owned by ContainerIndex, shared with whoever works on it. Runs in: ctrd.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "daemon/container_record.h"
#include "daemon/monitor_client.h"
#include "runtime/monitor_protocol.h"
#include "runtime/sys/unique_fd.h"

namespace ctr::daemon {

// A client that attached before the start: its connection goes to the monitor with the start, so
// that no byte of output is lost.
struct ParkedAttach {
  sys::UniqueFd socket;
  runtime::AttachOptions options;
};

// What a client waits for in POST /containers/{id}/wait.
enum class WaitCondition { not_running, next_exit, removed };

struct WaitResult {
  int exit_code = 0;
  std::string error;
};

// Three locks, always in this order:
//   operation  held by whoever starts, pauses, renames, updates or removes the container, so that
//              these happen one after the other; may be held for as long as a start takes.
//   saving     held while the live record is read and written to the database, so that what was
//              read last is written last.
//   mutex      guards the members below it; held for moments only, never while waiting for
//              anything.
struct Container {
  explicit Container(ContainerRecord initial) : id(initial.id), record(std::move(initial)) {}

  const std::string id;
  std::mutex operation;
  std::mutex saving;

  mutable std::mutex mutex;
  std::condition_variable changed;
  ContainerRecord record;
  LiveRecord live;
  std::shared_ptr<MonitorClient> monitor;  // while it runs
  std::vector<ParkedAttach> parked;
  std::deque<std::function<void()>> deferred;  // to be done when no operation goes on
  int attaches_coming = 0;  // their 101 is being sent: a start waits for them
  uint64_t exits = 0;       // how often it ended since the daemon started
  bool removed = false;
  int endings = 0;  // who is ending it right now: it must not be frozen in between
  bool restart_scheduled = false;
  int64_t restart_delay = 0;  // nanoseconds
  int64_t running_since = 0;  // monotonic
  // The last run's cgroup, endpoint or directory may still be there.
  int connections = 0;      // to its monitors: the mounts of a run are there until its ends
  bool needs_cleanup = false;
  std::vector<std::weak_ptr<const sys::UniqueFd>> watchers;  // eventfds, see ContainerWatch

  // Wakes all who wait. With `mutex` held.
  void notify();
};

// A descriptor that becomes readable whenever the container's state changed: for poll(2) beside a
// client's connection.
class ContainerWatch {
 public:
  explicit ContainerWatch(Container& container);
  int descriptor() const { return event_->get(); }
  void drain() const;

 private:
  std::shared_ptr<const sys::UniqueFd> event_;
};

// While it lives, the container is being ended: a signal sent to a frozen process waits for its
// thaw.
class Ending {
 public:
  explicit Ending(Container& container);
  ~Ending();
  Ending(const Ending&) = delete;
  Ending& operator=(const Ending&) = delete;

 private:
  Container& container_;
};

// One client's wait, from the moment of its making on: an exit right after is not missed.
class ExitWait {
 public:
  ExitWait(std::shared_ptr<Container> container, WaitCondition condition);
  int descriptor() const { return watch_.descriptor(); }
  // The result once there is one. Does not block.
  std::optional<WaitResult> poll() const;

 private:
  std::shared_ptr<Container> container_;
  WaitCondition condition_;
  ContainerWatch watch_;
  uint64_t exits_ = 0;
};

// Blocks until the container has no process; false when the time is over.
bool wait_until_stopped(Container& container, std::chrono::milliseconds patience);

}  // namespace ctr::daemon
