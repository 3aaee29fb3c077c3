// Where monitors come from. One is always there in reserve, loaded and waiting, so that a start does
// not wait for a program to be loaded. Owned by Launcher. Runs in: ctrd. Thread-safe.
#pragma once

#include <mutex>
#include <optional>
#include <string>

#include "daemon/work_queue.h"
#include "runtime/sys/process.h"
#include "runtime/sys/unique_fd.h"

namespace ctr::daemon {

// A monitor that waits to be told whose it is, and the daemon's end of its connection.
struct IdleMonitor {
  sys::Process process;
  sys::UniqueFd socket;
};

class MonitorSpawner {
 public:
  // `program` is ctr-monitor's path; `exec_root` gets the log that all monitors share.
  MonitorSpawner(std::string program, std::string exec_root);

  const std::string& program() const { return program_; }

  // The spare one, or nullopt. It may have been killed while it waited.
  std::optional<IdleMonitor> take_spare();
  IdleMonitor spawn() const;
  // Sees to it that there is a spare one, on a thread of its own: no start waits for it.
  void provide_spare_soon();

 private:
  void provide_spare();

  std::string program_;
  std::string exec_root_;
  sys::UniqueFd file_;
  std::mutex mutex_;
  std::optional<IdleMonitor> spare_;
  WorkQueue worker_;
};

}  // namespace ctr::daemon
