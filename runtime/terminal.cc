#include "runtime/terminal.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <termios.h>
#include <unistd.h>

#include "runtime/sys/error.h"
#include "runtime/sys/file.h"
#include "runtime/sys/path.h"

namespace ctr::runtime {

namespace {

// The multiplexer is 5:2 on a devpts; anything else is not a terminal of ours (attack R11).
void verify_multiplexer(int master) {
  struct stat status {};
  struct statfs filesystem {};
  sys::check(::fstat(master, &status), "fstat", "/dev/pts/ptmx");
  sys::check(::fstatfs(master, &filesystem), "fstatfs", "/dev/pts/ptmx");
  if (!S_ISCHR(status.st_mode) || status.st_rdev != makedev(5, 2) ||
      filesystem.f_type != DEVPTS_SUPER_MAGIC)
    throw sys::Error(sys::ErrorKind::invalid_argument,
                     "the container's /dev/pts/ptmx is not a terminal multiplexer");
}

}  // namespace

Terminal open_terminal(int devpts) {
  sys::UniqueFd master = sys::open_at(devpts, "ptmx", O_RDWR | O_NOCTTY | O_NOFOLLOW);
  verify_multiplexer(master.get());
  int unlock = 0;
  sys::check(::ioctl(master.get(), TIOCSPTLCK, &unlock), "ioctl TIOCSPTLCK");
  // The peer by descriptor: its name in /dev/pts is never looked up.
  sys::UniqueFd slave(sys::check(::ioctl(master.get(), TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC),
                                 "ioctl TIOCGPTPEER"));
  return {std::move(master), std::move(slave)};
}

sys::UniqueFd open_devpts(int root) {
  sys::UniqueFd devpts = sys::open_in_root(root, "/dev/pts", O_PATH | O_DIRECTORY);
  struct statfs filesystem {};
  sys::check(::fstatfs(devpts.get(), &filesystem), "fstatfs", "/dev/pts");
  if (filesystem.f_type != DEVPTS_SUPER_MAGIC)
    throw sys::Error(sys::ErrorKind::invalid_argument, "the container's /dev/pts is not a devpts");
  return devpts;
}

void set_terminal_size(int terminal, uint16_t rows, uint16_t columns) {
  winsize size{};
  size.ws_row = rows;
  size.ws_col = columns;
  sys::check(::ioctl(terminal, TIOCSWINSZ, &size), "ioctl TIOCSWINSZ");
}

void control_terminal(int slave) {
  sys::check(::ioctl(slave, TIOCSCTTY, 0), "ioctl TIOCSCTTY");
}

}  // namespace ctr::runtime
