// A child process held by a pidfd: never signals a process that took over a reused pid.
#pragma once

#include <signal.h>
#include <sys/types.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "runtime/sys/unique_fd.h"

namespace ctr::sys {

// How a process ended. Docker's exit code: the code itself, or 128 + the signal's number.
struct ExitStatus {
  int code = 0;
  int signal = 0;  // 0 if it ended by itself
  int exit_code() const { return signal != 0 ? 128 + signal : code; }
};

// Owns the pidfd of a child (or, through open(), of any process). The destructor closes the pidfd and
// nothing else: a monitor that goes away must not kill its container by accident.
class Process {
 public:
  Process() = default;
  Process(pid_t pid, UniqueFd pidfd) : pid_(pid), pidfd_(std::move(pidfd)) {}

  // nullopt if there is no such process, or if it did not start at `start_time` (pid reuse).
  static std::optional<Process> find(pid_t pid, uint64_t start_time);

  pid_t pid() const { return pid_; }
  int pidfd() const { return pidfd_.get(); }
  explicit operator bool() const { return static_cast<bool>(pidfd_); }

  // False if the process is gone.
  bool signal(int number) const;
  // Blocks until the child ended and reaps it. Only for children.
  ExitStatus wait();
  // Reaps the child if it ended.
  std::optional<ExitStatus> try_wait();

 private:
  pid_t pid_ = -1;
  UniqueFd pidfd_;
};

// Field 22 of /proc/<pid>/stat, in clock ticks since boot; nullopt if there is no such process.
std::optional<uint64_t> find_start_time(pid_t pid);

// The number that a pidfd's process has in the caller's pid namespace; -1 if it was reaped.
pid_t pid_of(int pidfd);

// A program to run as a child, without a shell.
struct SpawnOptions {
  std::string program;                    // absolute path
  std::string name{};                     // argv[0]; empty: the program's path
  std::vector<std::string> arguments;     // argv[1...]
  std::vector<std::string> environment;   // complete: nothing is inherited
  // (ours, theirs): descriptors that the child gets, under that number; 0, 1 and 2 default to
  // /dev/null. All others are closed.
  std::vector<std::pair<int, int>> descriptors;
  bool new_session = false;
};
// posix_spawn(3): with vfork semantics, so that its cost does not grow with the caller.
Process spawn(const SpawnOptions& options);

// Runs a program to its end with `input` on its stdin; output is limited to 1 MiB.
struct CommandResult {
  ExitStatus status;
  std::string output;  // stdout and stderr
};
CommandResult run_command(const std::string& program, const std::vector<std::string>& arguments,
                          const std::string& input = "");

}  // namespace ctr::sys
