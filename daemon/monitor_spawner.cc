#include "daemon/monitor_spawner.h"

#include <fcntl.h>
#include <linux/mount.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/found_monitors.h"
#include "runtime/sys/error.h"
#include "runtime/sys/file.h"
#include "runtime/sys/mount.h"
#include "runtime/sys/socket.h"

namespace ctr::daemon {

namespace {

constexpr const char* spare_name = "ctr-spare";

// The monitor's program on a read-only mount of its own that is attached nowhere. Until its exec the
// container's first process runs this very file: a container that gets hold of it through
// /proc/<pid>/exe still cannot open it for writing (CVE-2019-5736). Before Linux 5.12 the program is
// run as it lies there, which nothing but the check of permissions protects.
sys::UniqueFd open_protected(const std::string& program) {
  try {
    sys::UniqueFd mount = sys::clone_mount(AT_FDCWD, program, false);
    sys::set_mount_attributes(mount.get(), MOUNT_ATTR_RDONLY, 0, 0, false);
    return mount;
  } catch (const sys::Error& error) {
    if (error.error_number() != ENOSYS) throw;
    return sys::open_at(AT_FDCWD, program, O_PATH);
  }
}

}  // namespace

MonitorSpawner::MonitorSpawner(std::string program, std::string exec_root)
    : program_(std::move(program)), exec_root_(std::move(exec_root)), file_(open_protected(program_)), worker_("spawner") {}

IdleMonitor MonitorSpawner::spawn() const {
  auto [ours, theirs] = sys::socket_pair(SOCK_STREAM);
  sys::UniqueFd log = sys::open_at(AT_FDCWD, exec_root_ + "/monitors.log",
                                   O_WRONLY | O_CREAT | O_APPEND, 0600);
  // The command line is as long as the one that takes its place.
  std::string argument = spare_monitor_argument(exec_root_ + "/containers");
  const size_t name_size = std::char_traits<char>::length(spare_name);
  if (program_.size() > name_size) argument.append(program_.size() - name_size, '-');
  // Through our own /proc entry: in the child the descriptor itself is closed by then.
  sys::Process process =
      sys::spawn({.program = fmt::format("/proc/{}/fd/{}", ::getpid(), file_.get()),
                  .name = spare_name,
                  .arguments = {argument},
                  .environment = {},  // E12: nothing of ours for the container to find
                  .descriptors = {{theirs.get(), 3}, {log.get(), 1}, {log.get(), 2}},
                  .new_session = true});
  return {std::move(process), std::move(ours)};
}

std::optional<IdleMonitor> MonitorSpawner::take_spare() {
  std::lock_guard lock(mutex_);
  return std::exchange(spare_, std::nullopt);
}

void MonitorSpawner::provide_spare_soon() {
  worker_.post([this] { provide_spare(); });
}

// On the worker's thread only.
void MonitorSpawner::provide_spare() {
  {
    std::lock_guard lock(mutex_);
    if (spare_) return;
  }
  IdleMonitor fresh = spawn();
  std::lock_guard lock(mutex_);
  spare_ = std::move(fresh);
}

}  // namespace ctr::daemon
