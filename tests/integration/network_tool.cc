// Drives the network code without a daemon or a monitor, for test_network_runtime.py: what a start
// does on both sides, and nothing else. Not installed.
//
//   network_tool start DB BRIDGE [BIP]              what ctrd does at its start; prints the
//   networks network_tool run DB BRIDGE NETWORK COMMAND…     attach, connect, configure, exec,
//   wait, release network_tool create DB BRIDGE NAME [internal]   a user's network; prints it
//   network_tool recover DB BRIDGE [CONTAINER…]     those run; all else is freed
//   network_tool bench DB BRIDGE COUNT JOBS         COUNT connects, JOBS at a time; prints
//   milliseconds network_tool remove DB                          everything off the host
#include <sched.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "daemon/networks/host_networking.h"
#include "daemon/networks/networks.h"
#include "image/database.h"
#include "runtime/network/interfaces.h"
#include "runtime/sys/error.h"
#include "runtime/sys/file.h"
#include "runtime/sys/socket.h"
#include "runtime/sys/timestamp.h"

using namespace ctr;
using namespace ctr::daemon;

namespace {

void warn(const std::string& text) {
  std::fprintf(stderr, "warning: %s\n", text.c_str());
}

struct Daemon {
  Daemon(const std::string& path, const std::string& bridge, const std::string& bip)
      : database(path),
        host(warn, {}),
        networks(database, events, {.bridge = bridge, .bip = bip}, host, warn) {}
  image::Database database;
  Events events;
  HostNetworking host;
  Networks networks;
};

void print(const Network& network) {
  std::printf("%s %s %s %s %s\n", network.name.c_str(), network.id.c_str(),
              network.bridge.empty() ? "-" : network.bridge.c_str(),
              network.pool ? to_string(network.pool->subnet).c_str() : "-",
              network.pool ? format_ipv4(network.pool->gateway).c_str() : "-");
}

// Pages that the child and its parent share: when each step ended, in nanoseconds.
struct Times {
  int64_t cloned = 0, connected = 0, configured = 0, awaited = 0;
};

// The child is a copy of us in a network namespace of its own.
pid_t clone_into_namespace() {
  return static_cast<pid_t>(
      sys::check(::syscall(SYS_clone, CLONE_NEWNET | SIGCHLD, 0, 0, 0, 0), "clone"));
}

void pass(int fd) {
  sys::check(::write(fd, "x", 1), "write");
}
bool wait_for(int fd) {
  char byte = 0;
  return ::read(fd, &byte, 1) == 1;
}

// The container's side of a start.
template <class Body>
[[noreturn]] void run_child(int channel, const std::vector<runtime::NetworkInterface>& interfaces,
                            Times& times, Body body) {
  if (!wait_for(channel)) ::_exit(125);
  int64_t begin = sys::monotonic_now();
  try {
    runtime::configure_interfaces(interfaces);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "configure: %s\n", error.what());
    ::_exit(125);
  }
  times.configured = sys::monotonic_now() - begin;
  pass(channel);
  if (!wait_for(channel)) ::_exit(125);
  ::_exit(body());
}

// The host's side. `body` runs in the child, once its network is there.
template <class Body>
int start(const std::vector<runtime::NetworkInterface>& interfaces, Times& times, Body body) {
  auto [ours, theirs] = sys::socket_pair(SOCK_STREAM);
  int64_t begin = sys::monotonic_now();
  pid_t pid = clone_into_namespace();
  if (pid == 0) {
    ours.reset();
    run_child(theirs.get(), interfaces, times, body);
  }
  theirs.reset();
  times.cloned = sys::monotonic_now() - begin;
  begin = sys::monotonic_now();
  runtime::connect_interfaces(interfaces, {.pid = pid});
  times.connected = sys::monotonic_now() - begin;
  pass(ours.get());
  if (wait_for(ours.get())) {
    begin = sys::monotonic_now();
    if (!runtime::await_interfaces(interfaces)) warn("interfaces are not operational");
    times.awaited = sys::monotonic_now() - begin;
    pass(ours.get());
  }
  int status = 0;
  sys::check(::waitpid(pid, &status, 0), "waitpid");
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

template <class T>
T* share(size_t count) {
  void* memory =
      ::mmap(nullptr, count * sizeof(T), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) sys::throw_errno(errno, "mmap", {});
  return static_cast<T*>(memory);
}

int run(const std::string& path, const std::string& bridge, const std::string& network,
        std::vector<char*> command) {
  Daemon daemon(path, bridge, "");
  std::string id = sys::random_hex(32);
  daemon.networks.attach({.container_id = id, .network = network});
  auto interfaces = plan_interfaces(daemon.networks.endpoints_of(id));
  command.push_back(nullptr);
  int code = start(interfaces, *share<Times>(1), [&] {
    for (const auto& interface : interfaces) ::setenv("ADDRESS", interface.address.c_str(), 1);
    ::execvp(command[0], command.data());
    return 127;
  });
  daemon.networks.release(id);
  return code;
}

void report(const char* what, std::vector<int64_t> samples) {
  std::sort(samples.begin(), samples.end());
  auto at = [&](double part) {
    return static_cast<double>(samples[static_cast<size_t>(part * double(samples.size() - 1))]) /
           1e6;
  };
  std::printf("%-10s median %.3f  min %.3f  p90 %.3f  max %.3f ms\n", what, at(0.5), at(0), at(0.9),
              at(1));
}

// Each job is a process of its own, like a monitor.
int bench(const std::string& path, const std::string& bridge, int count, int jobs) {
  std::vector<std::vector<runtime::NetworkInterface>> interfaces;
  int64_t attach_time = 0;
  {
    Daemon daemon(path, bridge, "");
    int64_t begin = sys::monotonic_now();
    for (int i = 0; i < count; ++i) {
      std::string id = sys::random_hex(32);
      interfaces.push_back(plan_interfaces({daemon.networks.attach({.container_id = id})}));
    }
    attach_time = sys::monotonic_now() - begin;
    daemon.networks.release_unowned({});
  }
  auto* times = share<Times>(static_cast<size_t>(count));
  int64_t begin = sys::monotonic_now();
  for (int job = 0; job < jobs; ++job) {
    if (::fork() != 0) continue;
    int failures = 0;
    for (int i = job; i < count; i += jobs) {
      auto n = static_cast<size_t>(i);
      if (start(interfaces[n], times[n], [] { return 0; }) != 0) ++failures;
    }
    ::_exit(failures > 0 ? 1 : 0);
  }
  int failed = 0;
  for (int job = 0; job < jobs; ++job) {
    int status = 0;
    ::wait(&status);
    if (status != 0) ++failed;
  }
  int64_t took = sys::monotonic_now() - begin;
  std::vector<int64_t> cloned, connected, configured, awaited;
  for (int i = 0; i < count; ++i) {
    cloned.push_back(times[i].cloned);
    connected.push_back(times[i].connected);
    configured.push_back(times[i].configured);
    awaited.push_back(times[i].awaited);
  }
  std::printf("%d connects, %d at a time: %.1f ms, %.0f a second; attach %.3f ms each\n", count,
              jobs, static_cast<double>(took) / 1e6, count / (static_cast<double>(took) / 1e9),
              static_cast<double>(attach_time) / 1e6 / count);
  report("clone", cloned);
  report("connect", connected);
  report("configure", configured);
  report("await", awaited);
  return failed > 0 ? 1 : 0;
}

int dispatch(std::vector<std::string> arguments, std::vector<char*> raw) {
  const std::string& verb = arguments.at(0);
  const std::string& path = arguments.at(1);
  if (verb == "remove") {
    image::Database database(path);
    HostNetworking host(warn, {});
    Networks::remove_from_host(database, host);
    return 0;
  }
  const std::string& bridge = arguments.at(2);
  if (verb == "run") return run(path, bridge, arguments.at(3), {raw.begin() + 4, raw.end()});
  if (verb == "bench")
    return bench(path, bridge, std::stoi(arguments.at(3)), std::stoi(arguments.at(4)));
  Daemon daemon(path, bridge, verb == "start" && arguments.size() > 3 ? arguments[3] : "");
  if (verb == "start")
    for (const Network& network : daemon.networks.list()) print(network);
  else if (verb == "create")
    print(daemon.networks.create({.name = arguments.at(3), .internal = arguments.size() > 4}));
  else if (verb == "recover")
    daemon.networks.release_unowned({arguments.begin() + 3, arguments.end()});
  else
    return 2;
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return dispatch({argv + 1, argv + argc}, {argv + 1, argv + argc});
  } catch (const std::exception& error) {
    std::fprintf(stderr, "network_tool: %s\n", error.what());
    return 1;
  }
}
