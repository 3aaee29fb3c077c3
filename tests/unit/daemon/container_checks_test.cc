#include "daemon/container_checks.h"

#include <doctest/doctest.h>

#include "runtime/sys/error.h"

using namespace ctr::daemon;

namespace {
const MachineLimits machine{
    .cpus = 4, .online_cpus = "0-3", .online_nodes = "0", .swap_limit = true};

ContainerConfig runnable() {
  ContainerConfig config;
  config.cmd = {"true"};
  return config;
}
}  // namespace

TEST_CASE("processors that are not there cannot be asked for") {
  ResourceRequest request;
  request.cpuset_cpus = "0,9";
  CHECK_THROWS_WITH(check_limits(request, machine),
                    "Requested CPUs are not available - requested 0,9, available: 0-3");
  request.cpuset_cpus = "x";
  CHECK_THROWS_WITH(check_limits(request, machine), "Invalid value x for cpuset cpus");
}

TEST_CASE("limits that cannot be meant are refused") {
  ResourceRequest request;
  request.memory = -1;
  CHECK_THROWS_AS(check_limits(request, machine), ctr::sys::Error);
  request = {};
  request.memory = 4 << 20;
  CHECK_THROWS_WITH(check_limits(request, machine), "Minimum memory limit allowed is 6MB");
}

TEST_CASE("without swap accounting the swap limit goes, and a warning says so") {
  MachineLimits small = machine;
  small.swap_limit = false;
  ResourceRequest request;
  request.memory = 64 << 20;
  request.memory_swap = 128 << 20;
  CHECK(check_limits(request, small).size() == 1);
  CHECK(request.memory_swap == -1);
}

TEST_CASE("a container needs a command and an absolute working directory") {
  ContainerConfig config;
  CHECK_THROWS_WITH(check_config(config), "no command specified");
  config = runnable();
  config.working_dir = "srv";
  CHECK_THROWS_WITH(check_config(config),
                    "the working directory 'srv' is invalid, it needs to be an absolute path");
  config = runnable();
  config.exposed_ports = {"99999/tcp"};
  CHECK_THROWS_AS(check_config(config), ctr::sys::Error);  // M05
  config.exposed_ports = {"80/../x"};
  CHECK_THROWS_AS(check_config(config), ctr::sys::Error);
}

TEST_CASE("restart policies are Docker's") {
  check_restart_policy({"always", 0}, false);
  check_restart_policy({"on-failure", 3}, false);
  CHECK_THROWS_WITH(check_restart_policy({"always", 0}, true),
                    "can't create 'AutoRemove' container with restart policy");
  CHECK_THROWS_AS(check_restart_policy({"sometimes", 0}, false), ctr::sys::Error);
  CHECK_THROWS_AS(check_restart_policy({"always", 3}, false), ctr::sys::Error);
  CHECK_THROWS_AS(check_restart_policy({"on-failure", -1}, false), ctr::sys::Error);
}

TEST_CASE("sysctls of the host cannot be set (I13)") {
  HostConfig host;
  for (const char* name : {"kernel.core_pattern", "net.x/../../kernel.core_pattern",
                           "vm.swappiness", "", "/net.x", "kernel.shmmax\n"}) {
    host.sysctls = {{name, "1"}};
    CHECK_THROWS_AS(check_host_config(runnable(), host), ctr::sys::Error);
  }
  host.sysctls = {
      {"net.core.somaxconn", "128"}, {"kernel.shmmax", "1"}, {"fs.mqueue.msg_max", "5"}};
  check_host_config(runnable(), host);
  host.network_mode = "host";
  CHECK_THROWS_AS(check_host_config(runnable(), host), ctr::sys::Error);
  host.sysctls = {{"net.core.somaxconn", "1\n2"}};
  host.network_mode = "bridge";
  CHECK_THROWS_AS(check_host_config(runnable(), host), ctr::sys::Error);
}

TEST_CASE("namespace modes are known ones") {
  HostConfig host;
  host.pid_mode = "private";
  CHECK_THROWS_WITH(check_host_config(runnable(), host), "invalid PID mode: private");
  host.pid_mode = "container:";
  CHECK_THROWS_AS(check_host_config(runnable(), host), ctr::sys::Error);
  host.pid_mode = "container:web";
  host.ipc_mode = "shareable";
  host.uts_mode = "host";
  check_host_config(runnable(), host);
}
