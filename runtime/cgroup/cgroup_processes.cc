// Cgroup: stopping, listing and killing what runs in it.
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>

#include "runtime/cgroup/cgroup.h"
#include "runtime/cgroup/control_file.h"
#include "runtime/sys/error.h"
#include "runtime/sys/file.h"

namespace ctr::runtime {

using sys::Error;
using sys::ErrorKind;
using Clock = std::chrono::steady_clock;

namespace {

void write_or_throw(int directory, const char* file, const char* value) {
  if (const int error = write_control_file(directory, file, value); error != 0)
    sys::throw_errno(error, "write", {std::string(file), "'" + std::string(value) + "'"});
}

bool is_frozen_v1(int directory) {
  return trimmed(find_control_file(directory, "freezer.state").value_or("")) == "FROZEN";
}

bool is_frozen_v2(int directory) {
  const auto events = read_keyed(directory, "cgroup.events");
  const auto frozen = events.find("frozen");
  return frozen != events.end() && frozen->second == 1;
}

// Asks again each time: a process that was being forked or attached may have slipped past, and
// every so often lets them run for a moment, because one that waits for another that is already
// frozen (vfork) would otherwise never get to where it can be stopped.
bool wait_frozen_v1(int directory, Clock::time_point end) {
  Backoff backoff;
  for (int round = 1;; ++round) {
    write_or_throw(directory, "freezer.state", "FROZEN");
    if (is_frozen_v1(directory)) return true;
    if (Clock::now() >= end) return false;
    backoff.sleep();
    if (round % 50 == 0) write_or_throw(directory, "freezer.state", "THAWED");
  }
}

bool wait_frozen_v2(int directory, Clock::time_point end) {
  const sys::UniqueFd events = sys::open_at(directory, "cgroup.events", O_RDONLY);
  write_or_throw(directory, "cgroup.freeze", "1");
  while (true) {
    char buffer[512];
    const ssize_t count = ::pread(events.get(), buffer, sizeof buffer, 0);
    if (count > 0 && std::string_view(buffer, static_cast<size_t>(count)).find("frozen 1") !=
                         std::string_view::npos)
      return true;
    const auto left = std::chrono::duration_cast<milliseconds>(end - Clock::now()).count();
    if (left <= 0) return false;
    pollfd waiting{events.get(), POLLPRI, 0};
    ::poll(&waiting, 1, static_cast<int>(std::min<int64_t>(left, 1000)));
  }
}

}  // namespace

// The v2 tree where there is one, on hybrid machines too.
const Cgroup::Tree& Cgroup::freezer_tree() const {
  const Tree* tree = unified_tree();
  if (!tree) tree = find_tree("freezer");
  if (!tree)
    throw Error(ErrorKind::unsupported,
                "cannot freeze processes: the freezer controller is not available on this machine");
  return *tree;
}

// The one tree in which every process of the container is sure to be.
const Cgroup::Tree& Cgroup::listing_tree() const {
  for (const Tree* tree : {unified_tree(), find_tree("freezer"), find_tree("pids")})
    if (tree) return *tree;
  if (trees_.empty()) throw Error(ErrorKind::not_found, fmt::format("no such cgroup: '{}'", path_));
  return trees_.front();
}

void Cgroup::freeze(milliseconds deadline) const {
  const Tree& tree = freezer_tree();
  const auto end = Clock::now() + deadline;
  const bool is_done = tree.hierarchy.unified ? wait_frozen_v2(tree.directory.get(), end)
                                              : wait_frozen_v1(tree.directory.get(), end);
  if (is_done) return;
  thaw();
  throw Error(ErrorKind::unavailable,
              fmt::format("the processes of cgroup '{}' did not stop within {} ms", path_,
                          deadline.count()));
}

void Cgroup::thaw() const {
  const Tree& tree = freezer_tree();
  if (tree.hierarchy.unified)
    write_or_throw(tree.directory.get(), "cgroup.freeze", "0");
  else
    write_or_throw(tree.directory.get(), "freezer.state", "THAWED");
}

bool Cgroup::is_frozen() const {
  const Tree& tree = freezer_tree();
  return tree.hierarchy.unified ? is_frozen_v2(tree.directory.get())
                                : is_frozen_v1(tree.directory.get());
}

std::vector<pid_t> Cgroup::pids() const {
  return cgroup_pids(listing_tree().directory.get());
}

void Cgroup::kill_all() const {
  const Tree& tree = listing_tree();
  if (tree.hierarchy.unified) {
    const int error = write_control_file(tree.directory.get(), "cgroup.kill", "1");
    if (error == 0 || error == ENODEV) return;  // frozen processes die too
    if (error != ENOENT) sys::throw_errno(error, "write", {"cgroup.kill"});
    // Before Linux 5.14 there is no such file. Or systemd has just taken the cgroup away, as it does once
    // nobody is left in one of its own.
    if (::faccessat(tree.directory.get(), "cgroup.procs", F_OK, 0) < 0) return;
  }
  kill_by_signals();
}

// A process that forks faster than it can be killed must not win: while all stand still the list of
// them is complete. Where they cannot be stopped, forking is forbidden instead.
void Cgroup::kill_by_signals() const {
  try {
    freeze(milliseconds(500));
  } catch (const Error&) {
    if (const Tree* tree = find_tree("pids"))
      write_control_file(tree->directory.get(), "pids.max", "0");
  }
  const auto end = Clock::now() + milliseconds(5'000);
  std::vector<pid_t> signalled;
  Backoff backoff;
  while (true) {
    const std::vector<pid_t> now = pids();
    for (pid_t pid : now) ::kill(pid, SIGKILL);
    // A frozen process of v1 takes its signal only when it runs again.
    if (unified_tree() || find_tree("freezer")) thaw();
    if (std::includes(signalled.begin(), signalled.end(), now.begin(), now.end())) return;
    if (Clock::now() >= end)
      throw Error(
          ErrorKind::unavailable,
          fmt::format("the processes of cgroup '{}' multiply faster than they can be killed",
                      path_));
    signalled = now;
    backoff.sleep();
  }
}

bool Cgroup::wait_until_empty(milliseconds deadline) const {
  const auto end = Clock::now() + deadline;
  Backoff backoff;
  while (!pids().empty()) {
    if (Clock::now() >= end) return false;
    backoff.sleep();
  }
  return true;
}

}  // namespace ctr::runtime
