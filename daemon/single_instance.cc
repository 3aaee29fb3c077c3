#include "daemon/single_instance.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "runtime/sys/error.h"
#include "runtime/sys/file.h"

namespace ctr::daemon {

using sys::Error;
using sys::ErrorKind;

namespace {

constexpr size_t pid_text_limit = 64;

std::string first_line(const std::string& text) {
  return text.substr(0, text.find('\n'));
}

}  // namespace

SingleInstance::SingleInstance(const std::string& directory) {
  const std::string path = directory + "/ctrd.lock";
  lock_ = sys::open_at(AT_FDCWD, path, O_RDWR | O_CREAT | O_NOFOLLOW, 0600);
  if (::flock(lock_.get(), LOCK_EX | LOCK_NB) < 0) {
    if (errno != EWOULDBLOCK) sys::check(-1, "flock", path);
    std::string pid = first_line(sys::read_all(lock_.get(), pid_text_limit, path));
    throw Error(ErrorKind::conflict,
                fmt::format("another ctrd (pid {}) uses '{}' already", pid, directory));
  }
  sys::check(::ftruncate(lock_.get(), 0), "ftruncate", path);
  sys::write_all(lock_.get(), std::to_string(::getpid()) + "\n", path);
}

PidFile::PidFile(std::string path) : path_(std::move(path)) {
  if (path_.empty()) return;
  sys::write_atomically(path_, std::to_string(::getpid()), 0644, sys::Durability::until_reboot);
}

PidFile::~PidFile() {
  try {
    if (path_.empty()) return;
    if (sys::find_file(path_, pid_text_limit) == std::to_string(::getpid()))
      ::unlink(path_.c_str());
  } catch (const Error&) {
    // The directory is gone or unreadable: then there is no file to leave behind either.
  }
}

}  // namespace ctr::daemon
