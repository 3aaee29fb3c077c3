// Drives the cgroup code without a daemon or a monitor, for test_cgroup.py. Not installed; static,
// so that it runs in a virtual machine too.
//
//   cgroup_tool layout                          the trees: one line "mount-point controllers…" each
//   cgroup_tool create PATH [LIMIT=VALUE…]      and leave it there
//   cgroup_tool update PATH LIMIT=VALUE…
//   cgroup_tool enter PATH COMMAND…             run a command in it; its exit code is the command's
//   cgroup_tool freeze|thaw|frozen|pids|kill|stats|remove PATH
//   cgroup_tool watch PATH                      wait for the memory limit to be hit, print the
//   count cgroup_tool bench PATH COUNT                microseconds of create, attach, kill and
//   remove
//
// Limits: memory swap reservation pids shares quota period cpus mems weight (numbers as in
// Resources), devices=default|all|none, device="b 8:0 r", file.of.v2=value.
#include <linux/sched.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "runtime/cgroup/cgroup.h"
#include "runtime/cgroup/device_rules.h"
#include "runtime/sys/error.h"
#include "runtime/sys/process.h"
#include "runtime/sys/timestamp.h"

using namespace ctr;
using namespace ctr::runtime;

namespace {

using Words = std::vector<std::string>;

void set_limit(Resources& resources, const std::string& key, const std::string& value) {
  const auto number = [&] { return std::strtoll(value.c_str(), nullptr, 10); };
  if (key == "memory")
    resources.memory.limit = number();
  else if (key == "swap")
    resources.memory.swap = number();
  else if (key == "reservation")
    resources.memory.reservation = number();
  else if (key == "pids")
    resources.pids_limit = number();
  else if (key == "shares")
    resources.cpu.shares = number();
  else if (key == "quota")
    resources.cpu.quota = number();
  else if (key == "period")
    resources.cpu.period = number();
  else if (key == "cpus")
    resources.cpu.cpus = value;
  else if (key == "mems")
    resources.cpu.mems = value;
  else if (key == "weight")
    resources.block_io.weight = static_cast<uint16_t>(number());
  else if (key == "devices" && value == "default")
    resources.devices = default_device_rules();
  else if (key == "devices" && value == "all")
    resources.devices = all_device_rules();
  else if (key == "devices" && value == "none")
    resources.devices = {parse_device_rule("c 0:0 r")};
  else if (key == "device")
    resources.devices.push_back(parse_device_rule(value));
  else
    resources.unified[key] = value;
}

Resources parse_resources(const Words& words, size_t from) {
  Resources resources;
  for (size_t i = from; i < words.size(); ++i) {
    const size_t equal = words[i].find('=');
    set_limit(resources, words[i].substr(0, equal), words[i].substr(equal + 1));
  }
  return resources;
}

struct Child {
  pid_t pid = -1;
};

// Born in the v2 cgroup where there is one and it takes processes.
Child clone_into(const Cgroup& cgroup) {
  clone_args arguments{};
  arguments.exit_signal = SIGCHLD;
  if (cgroup.clone_fd() >= 0) {
    arguments.flags = CLONE_INTO_CGROUP;
    arguments.cgroup = static_cast<uint64_t>(cgroup.clone_fd());
    const long pid = ::syscall(SYS_clone3, &arguments, sizeof arguments);
    if (pid >= 0 || errno != EBUSY)
      return {static_cast<pid_t>(sys::check(pid, "clone3 CLONE_INTO_CGROUP"))};
  }
  return {sys::check(::fork(), "fork")};
}

pid_t start_in(const Cgroup& cgroup, const Words& command) {
  int gate[2];
  sys::check(::pipe(gate), "pipe");
  const Child child = clone_into(cgroup);
  if (child.pid == 0) {
    char byte = 0;
    ::close(gate[1]);
    if (::read(gate[0], &byte, 1) != 1) ::_exit(125);
    ::close(gate[0]);
    std::vector<char*> arguments;
    for (const std::string& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
    arguments.push_back(nullptr);
    ::execvp(arguments[0], arguments.data());
    ::_exit(127);
  }
  ::close(gate[0]);
  cgroup.attach(child.pid);
  sys::check(::write(gate[1], "x", 1), "write");
  ::close(gate[1]);
  return child.pid;
}

int wait_for(pid_t pid) {
  int status = 0;
  sys::check(::waitpid(pid, &status, 0), "waitpid");
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

void print_layout() {
  for (const Hierarchy& hierarchy : detect_layout().hierarchies) {
    std::printf("%s%s", hierarchy.mount_point.c_str(), hierarchy.unified ? " unified" : "");
    for (const std::string& name : hierarchy.controllers) std::printf(" %s", name.c_str());
    std::printf("\n");
  }
}

void print_stats(const CgroupStats& stats) {
  std::printf(
      "cpu_ns %llu\nuser_ns %llu\nsystem_ns %llu\nthrottled %llu\nmemory %llu\nlimit %llu\n",
      static_cast<unsigned long long>(stats.cpu.usage_ns),
      static_cast<unsigned long long>(stats.cpu.user_ns),
      static_cast<unsigned long long>(stats.cpu.system_ns),
      static_cast<unsigned long long>(stats.cpu.throttled_periods),
      static_cast<unsigned long long>(stats.memory.usage),
      static_cast<unsigned long long>(stats.memory.limit));
  std::printf("pids %llu\npids_limit %llu\nmemory_stats %zu\nblock_io %zu\noom_kills %llu\n",
              static_cast<unsigned long long>(stats.pids.current),
              static_cast<unsigned long long>(stats.pids.limit), stats.memory.stat.size(),
              stats.io_service_bytes.size(), static_cast<unsigned long long>(stats.oom_kills));
}

void watch(const Cgroup& cgroup) {
  const std::optional<sys::UniqueFd> events = cgroup.open_oom_events();
  std::printf("watching\n");
  std::fflush(stdout);
  for (int round = 0; round < 400 && cgroup.oom_kill_count() == 0; ++round) {
    pollfd waiting{events.value().get(), POLLIN, 0};
    // Short, and again: v1 tells that memory has run out before the kill is counted.
    if (::poll(&waiting, 1, 50) > 0) Cgroup::drain_oom_events(events->get());
  }
  std::printf("oom_kills %llu\n", static_cast<unsigned long long>(cgroup.oom_kill_count()));
}

void bench(const std::string& path, int count) {
  const CgroupLayout layout = detect_layout();
  const Resources resources =
      parse_resources({"memory=67108864", "pids=100", "devices=default"}, 0);
  int64_t spent[4] = {};
  for (int i = 0; i < count; ++i) {
    const int64_t start = sys::monotonic_now();
    Cgroup cgroup = Cgroup::create(layout, path + "-" + std::to_string(i), resources);
    const int64_t created = sys::monotonic_now();
    const Child child = clone_into(cgroup);
    if (child.pid == 0) {
      ::pause();
      ::_exit(0);
    }
    const int64_t cloned = sys::monotonic_now();
    cgroup.attach(child.pid);
    const int64_t attached = sys::monotonic_now();
    cgroup.kill_all();
    wait_for(child.pid);
    const int64_t killed = sys::monotonic_now();
    cgroup.remove();
    const int64_t parts[] = {created - start, attached - cloned, killed - attached,
                             sys::monotonic_now() - killed};
    for (int part = 0; part < 4; ++part) spent[part] += parts[part];
  }
  std::printf("create %lld attach %lld kill %lld remove %lld\n",
              static_cast<long long>(spent[0] / count / 1000),
              static_cast<long long>(spent[1] / count / 1000),
              static_cast<long long>(spent[2] / count / 1000),
              static_cast<long long>(spent[3] / count / 1000));
}

int run(const Words& words) {
  const std::string& verb = words.at(0);
  if (verb == "layout") return print_layout(), 0;
  const std::string& path = words.at(1);
  if (verb == "bench") return bench(path, std::atoi(words.at(2).c_str())), 0;
  const CgroupLayout layout = detect_layout();
  if (verb == "create") {
    Cgroup::create(layout, path, parse_resources(words, 2)).release();
    return 0;
  }
  Cgroup cgroup = Cgroup::open(layout, path);
  if (verb == "update")
    cgroup.update(parse_resources(words, 2));
  else if (verb == "enter")
    return wait_for(start_in(cgroup, Words(words.begin() + 2, words.end())));
  else if (verb == "freeze")
    cgroup.freeze();
  else if (verb == "thaw")
    cgroup.thaw();
  else if (verb == "frozen")
    std::printf("%d\n", cgroup.is_frozen());
  else if (verb == "kill") {
    cgroup.kill_all();
    return cgroup.wait_until_empty(milliseconds(10'000)) ? 0 : 1;
  } else if (verb == "remove")
    cgroup.remove();
  else if (verb == "watch")
    watch(cgroup);
  else if (verb == "stats")
    print_stats(cgroup.stats());
  else if (verb == "pids")
    for (pid_t pid : cgroup.pids()) std::printf("%d\n", pid);
  else
    return std::fprintf(stderr, "unknown verb %s\n", verb.c_str()), 2;
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(Words(argv + 1, argv + argc));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
