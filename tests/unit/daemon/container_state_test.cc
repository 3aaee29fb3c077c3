#include "daemon/container_state.h"

#include <doctest/doctest.h>

#include "runtime/sys/error.h"

using namespace ctr::daemon;

TEST_CASE("a container lives from created to running to exited and back") {
  CHECK(next_status(Status::created, Action::start) == Status::running);
  CHECK(next_status(Status::running, Action::exit) == Status::exited);
  CHECK(next_status(Status::exited, Action::start) == Status::running);
}

TEST_CASE("a paused container may end but not start") {
  CHECK(next_status(Status::paused, Action::exit) == Status::exited);
  CHECK_FALSE(next_status(Status::paused, Action::start));
  CHECK(next_status(Status::paused, Action::unpause) == Status::running);
}

TEST_CASE("what is being removed can only be removed or become dead") {
  for (Action action : {Action::start, Action::fail_start, Action::pause, Action::unpause,
                        Action::exit, Action::wait_restart, Action::give_up, Action::remove})
    CHECK_FALSE(next_status(Status::removing, action));
  CHECK(next_status(Status::removing, Action::fail_remove) == Status::dead);
  CHECK(next_status(Status::dead, Action::remove) == Status::removing);
}

TEST_CASE("a running container is not removed") {
  RunState state;
  state.status = Status::running;
  CHECK_THROWS_WITH_AS(apply(state, Action::remove, "web"),
                       "cannot remove container \"web\": container is running: stop the container "
                       "before removing or force remove",
                       ctr::sys::Error);
  CHECK(state.status == Status::running);
}

TEST_CASE("refusals say what Docker says") {
  RunState state;
  state.status = Status::paused;
  CHECK_THROWS_WITH(apply(state, Action::pause, "web"), "container web is already paused");
  CHECK_THROWS_WITH(apply(state, Action::start, "web"),
                    "cannot start a paused container, try unpause instead");
  state.status = Status::exited;
  CHECK_THROWS_WITH(apply(state, Action::pause, "web"), "container web is not running");
  CHECK_THROWS_WITH(apply(state, Action::unpause, "web"), "container web is not paused");
}

TEST_CASE("every state has a name and is found by it") {
  for (Status status : {Status::created, Status::running, Status::paused, Status::restarting,
                        Status::removing, Status::exited, Status::dead})
    CHECK(find_status(status_name(status)) == status);
  CHECK_FALSE(find_status("asleep"));
}

TEST_CASE("a paused and a restarting container count as running, only the first has a process") {
  RunState state;
  state.status = Status::paused;
  CHECK(state.running());
  CHECK(state.alive());
  state.status = Status::restarting;
  CHECK(state.running());
  CHECK_FALSE(state.alive());
}
