#include "daemon/found_monitors.h"

#include <poll.h>
#include <signal.h>

#include <algorithm>

#include "runtime/sys/error.h"
#include "runtime/sys/file.h"
#include "runtime/sys/timestamp.h"

namespace ctr::daemon {

namespace {

// argv[1] of a process, if it has exactly two arguments.
std::string only_argument(const std::string& pid) {
  std::string text;
  try {
    text = sys::find_file("/proc/" + pid + "/cmdline", 64 << 10).value_or("");
  } catch (const sys::Error&) {
    return "";  // it ended while we read, or its command line is longer than ours can be
  }
  // Written over a longer one, it ends in more than one terminator.
  text.resize(text.find_last_not_of('\0') + 1);
  text += '\0';
  size_t first = text.find('\0');
  if (first == std::string::npos) return "";
  size_t second = text.find('\0', first + 1);
  if (second == std::string::npos || second + 1 != text.size()) return "";
  return text.substr(first + 1, second - first - 1);
}

constexpr size_t id_size = 64;
constexpr char spare_mark = '-';
constexpr int64_t spare_patience = 5'000'000'000;

std::optional<sys::Process> find_process(pid_t pid) {
  std::optional<uint64_t> start_time = sys::find_start_time(pid);
  return start_time ? sys::Process::find(pid, *start_time) : std::nullopt;
}

// The argument once it is a container's; empty if the process ended as a spare one.
std::string wait_for_assignment(const std::string& pid, const std::string& prefix,
                                const sys::Process& monitor) {
  const int64_t deadline = sys::monotonic_now() + spare_patience;
  while (sys::monotonic_now() < deadline) {
    pollfd item{monitor.pidfd(), POLLIN, 0};
    if (::poll(&item, 1, 5) > 0) return "";
    std::string argument = only_argument(pid);
    if (argument.starts_with(prefix) && argument[prefix.size()] != spare_mark) return argument;
  }
  monitor.signal(SIGKILL);  // it is stopped, or hangs: nothing was begun
  return "";
}

}  // namespace

std::string spare_monitor_argument(const std::string& containers_directory) {
  return containers_directory + "/" + std::string(id_size, spare_mark);
}

std::map<std::string, sys::Process> find_monitor_processes(
    const std::string& containers_directory) {
  std::map<std::string, sys::Process> monitors;
  std::string prefix = containers_directory + "/";
  for (const std::string& name : sys::list_directory("/proc")) {
    if (!std::all_of(name.begin(), name.end(), [](char c) { return c >= '0' && c <= '9'; }))
      continue;
    std::string argument = only_argument(name);
    if (!argument.starts_with(prefix)) continue;
    std::optional<sys::Process> process = find_process(std::stoi(name));
    if (!process) continue;
    if (argument[prefix.size()] == spare_mark) argument = wait_for_assignment(name, prefix, *process);
    if (!argument.empty()) monitors[argument.substr(prefix.size())] = std::move(*process);
  }
  return monitors;
}

}  // namespace ctr::daemon
