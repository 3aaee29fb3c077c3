// The life of a container as one table: which action is allowed in which state, and where it leads.
// Pure; runs in: ctrd. Whoever changes a container's state asks here first.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "runtime/sys/timestamp.h"

namespace ctr::daemon {

enum class Status { created, running, paused, restarting, removing, exited, dead };

enum class Action {
  start,       // the monitor said "started"
  fail_start,  // it never ran
  pause,
  unpause,
  exit,          // the first process ended, whoever ended it
  wait_restart,  // ended, and its restart policy will start it again
  give_up,       // the restart was called off
  remove,        // the removal began: nothing but its end can follow
  fail_remove,   // something could not be removed: kept to be removed again
};

// The state that `action` leads to, or nullopt where it is not allowed.
std::optional<Status> next_status(Status status, Action action);

std::string_view status_name(Status status);
std::optional<Status> find_status(std::string_view name);

// What inspect shows under "State", but for the health.
struct RunState {
  Status status = Status::created;
  int pid = 0;
  int exit_code = 0;
  bool oom_killed = false;
  std::string error;
  sys::Timestamp started_at = sys::zero_time;
  sys::Timestamp finished_at = sys::zero_time;

  // Docker's booleans: a paused container counts as running, a restarting one too.
  bool running() const {
    return status == Status::running || status == Status::paused || status == Status::restarting;
  }
  // Has a process.
  bool alive() const { return status == Status::running || status == Status::paused; }
};

// Applies `action`, or throws Error{conflict} with Docker's text; `name` is how the user called it.
void apply(RunState& state, Action action, std::string_view name);

}  // namespace ctr::daemon
