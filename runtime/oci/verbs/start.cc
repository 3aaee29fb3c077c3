#include "runtime/launch.h"
#include "runtime/oci/container.h"
#include "runtime/oci/invocation.h"
#include "runtime/oci/lifecycle_hooks.h"

namespace ctr::runtime::oci {

namespace {

using sys::Error;
using sys::ErrorKind;

void expect_created(const Container& container) {
  const Status status = container.status();
  if (status == Status::created) return;
  if (status == Status::stopped)
    throw Error(ErrorKind::conflict, "cannot start a container that has stopped");
  if (status == Status::running)
    throw Error(ErrorKind::conflict, "cannot start an already running container");
  throw Error(ErrorKind::conflict,
              fmt::format("cannot start a container in the {} state", status_name(status)));
}

}  // namespace

int run_start(const Invocation& invocation) {
  const std::string id = invocation.parse({}, 1, 1)[0];
  Container container = Container::open(invocation.globals.root, id, Access::change);
  expect_created(container);
  try {
    start_detached(container.directory().start_socket());
  } catch (const LaunchError&) {
    container.directory().forget_waiting();  // it waited no more, it failed
    container.await_end();
    throw;
  } catch (const Error& error) {
    if (error.error_number() != ECONNREFUSED) throw;
    container.directory().forget_waiting();  // an earlier start was killed before it could
    throw Error(ErrorKind::conflict, "cannot start an already running container");
  }
  container.directory().forget_waiting();
  run_poststart_hooks(container.directory(), invocation.log);
  return 0;
}

}  // namespace ctr::runtime::oci
