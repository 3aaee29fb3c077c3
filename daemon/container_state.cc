#include "daemon/container_state.h"

#include <array>

#include "runtime/sys/error.h"

namespace ctr::daemon {

namespace {

struct Transition {
  Status from;
  Action action;
  Status to;
};

constexpr std::array transitions{
    Transition{Status::created, Action::start, Status::running},
    // Docker keeps a container that could not start in the state it was in.
    Transition{Status::created, Action::fail_start, Status::created},
    Transition{Status::created, Action::remove, Status::removing},

    Transition{Status::running, Action::pause, Status::paused},
    Transition{Status::running, Action::exit, Status::exited},
    Transition{Status::running, Action::wait_restart, Status::restarting},

    Transition{Status::paused, Action::unpause, Status::running},
    Transition{Status::paused, Action::exit, Status::exited},
    Transition{Status::paused, Action::wait_restart, Status::restarting},

    Transition{Status::restarting, Action::start, Status::running},
    Transition{Status::restarting, Action::fail_start, Status::restarting},
    Transition{Status::restarting, Action::give_up, Status::exited},
    Transition{Status::restarting, Action::remove, Status::removing},

    Transition{Status::exited, Action::start, Status::running},
    Transition{Status::exited, Action::fail_start, Status::exited},
    Transition{Status::exited, Action::wait_restart, Status::restarting},
    Transition{Status::exited, Action::remove, Status::removing},

    Transition{Status::removing, Action::fail_remove, Status::dead},
    Transition{Status::dead, Action::remove, Status::removing},
};

struct NamedStatus {
  Status status;
  std::string_view name;
};
constexpr std::array names{
    NamedStatus{Status::created, "created"},   NamedStatus{Status::running, "running"},
    NamedStatus{Status::paused, "paused"},     NamedStatus{Status::restarting, "restarting"},
    NamedStatus{Status::removing, "removing"}, NamedStatus{Status::exited, "exited"},
    NamedStatus{Status::dead, "dead"},
};

std::string refusal(Status status, Action action, std::string_view name) {
  switch (action) {
    case Action::start:
      if (status == Status::paused) return "cannot start a paused container, try unpause instead";
      if (status == Status::removing || status == Status::dead)
        return "container is marked for removal and cannot be started";
      return fmt::format("container {} is already running", name);
    case Action::pause:
      if (status == Status::paused) return fmt::format("container {} is already paused", name);
      if (status == Status::restarting)
        return fmt::format("container {} is restarting, wait until the container is running", name);
      return fmt::format("container {} is not running", name);
    case Action::unpause:
      return fmt::format("container {} is not paused", name);
    case Action::remove:
      if (status == Status::removing)
        return fmt::format("removal of container {} is already in progress", name);
      if (status == Status::paused)
        return fmt::format(
            "cannot remove container \"{}\": container is paused and must be "
            "unpaused first",
            name);
      return fmt::format(
          "cannot remove container \"{}\": container is running: stop the "
          "container before removing or force remove",
          name);
    default:
      return fmt::format("container {} is {}", name, status_name(status));
  }
}

}  // namespace

std::optional<Status> next_status(Status status, Action action) {
  for (const Transition& transition : transitions)
    if (transition.from == status && transition.action == action) return transition.to;
  return std::nullopt;
}

std::string_view status_name(Status status) {
  for (const NamedStatus& named : names)
    if (named.status == status) return named.name;
  return "dead";
}

std::optional<Status> find_status(std::string_view name) {
  for (const NamedStatus& named : names)
    if (named.name == name) return named.status;
  return std::nullopt;
}

void apply(RunState& state, Action action, std::string_view name) {
  std::optional<Status> next = next_status(state.status, action);
  if (!next) throw sys::Error(sys::ErrorKind::conflict, refusal(state.status, action, name));
  state.status = *next;
}

}  // namespace ctr::daemon
