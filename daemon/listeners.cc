#include "daemon/listeners.h"

#include <fcntl.h>
#include <grp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>

#include "daemon/logging.h"
#include "runtime/sys/error.h"
#include "runtime/sys/file.h"
#include "runtime/sys/socket.h"

namespace ctr::daemon {

using sys::Error;
using sys::ErrorKind;

namespace {

constexpr int first_passed_descriptor = 3;  // sd_listen_fds(3)

std::optional<gid_t> find_group(const std::string& name) {
  std::vector<char> buffer(64 << 10);
  group entry{};
  group* found = nullptr;
  ::getgrnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found);
  if (found == nullptr) return std::nullopt;
  return found->gr_gid;
}

gid_t socket_group(const Config& config) {
  if (config.group.empty()) {
    for (const char* name : {"ctr", "docker"})
      if (std::optional<gid_t> gid = find_group(name)) return *gid;
    return 0;
  }
  std::optional<gid_t> gid = find_group(config.group);
  if (!gid)
    throw Error(ErrorKind::invalid_argument,
                fmt::format("group '{}' does not exist", config.group));
  return *gid;
}

sys::UniqueFd listen_at(const std::string& path, gid_t group) {
  size_t slash = path.rfind('/');
  if (slash > 0) sys::make_directories(path.substr(0, slash), 0711);
  // The group comes before its permission: nobody else ever could connect.
  sys::UniqueFd listener = sys::listen_unix(path, 0600);
  sys::check(::lchown(path.c_str(), 0, group), "chown", path);
  sys::check(::chmod(path.c_str(), 0660), "chmod", path);
  return listener;
}

std::vector<sys::UniqueFd> passed_listeners() {
  std::vector<sys::UniqueFd> listeners;
  const char* pid = std::getenv("LISTEN_PID");
  const char* count = std::getenv("LISTEN_FDS");
  if (pid == nullptr || count == nullptr || std::atol(pid) != ::getpid()) return listeners;
  for (int i = 0; i < std::atoi(count); ++i) {
    sys::UniqueFd listener(first_passed_descriptor + i);
    sys::check(::fcntl(listener.get(), F_SETFD, FD_CLOEXEC), "fcntl", "LISTEN_FDS");
    listeners.push_back(std::move(listener));
  }
  for (const char* name : {"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"}) ::unsetenv(name);
  return listeners;
}

}  // namespace

std::vector<sys::UniqueFd> open_listeners(const Config& config) {
  std::vector<sys::UniqueFd> listeners = passed_listeners();
  const bool passed = !listeners.empty();
  for (const std::string& host : config.hosts) {
    if (host == "fd://") {
      if (!passed)
        throw Error(ErrorKind::invalid_argument,
                    "host 'fd://' needs socket activation by systemd: no sockets were passed");
      continue;
    }
    listeners.push_back(listen_at(host.substr(7), socket_group(config)));
    log_info("listening", {{"host", host}});
  }
  return listeners;
}

}  // namespace ctr::daemon
