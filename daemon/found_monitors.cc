#include "daemon/found_monitors.h"

#include <algorithm>

#include "runtime/sys/error.h"
#include "runtime/sys/file.h"

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
  size_t first = text.find('\0');
  if (first == std::string::npos) return "";
  size_t second = text.find('\0', first + 1);
  if (second == std::string::npos || second + 1 != text.size()) return "";
  return text.substr(first + 1, second - first - 1);
}

}  // namespace

std::map<std::string, sys::Process> find_monitor_processes(
    const std::string& containers_directory) {
  std::map<std::string, sys::Process> monitors;
  std::string prefix = containers_directory + "/";
  for (const std::string& name : sys::list_directory("/proc")) {
    if (!std::all_of(name.begin(), name.end(), [](char c) { return c >= '0' && c <= '9'; }))
      continue;
    std::string argument = only_argument(name);
    if (!argument.starts_with(prefix)) continue;
    pid_t pid = std::stoi(name);
    std::optional<uint64_t> start_time = sys::find_start_time(pid);
    if (!start_time) continue;
    if (auto process = sys::Process::find(pid, *start_time))
      monitors[argument.substr(prefix.size())] = std::move(*process);
  }
  return monitors;
}

}  // namespace ctr::daemon
