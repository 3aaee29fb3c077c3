#include "cli/raw_terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include "runtime/sys/error.h"

namespace ctr::cli {

bool is_terminal(int fd) {
  return ::isatty(fd) == 1;
}

std::optional<TerminalSize> find_terminal_size(int fd) {
  winsize size{};
  if (::ioctl(fd, TIOCGWINSZ, &size) != 0 || size.ws_row == 0 || size.ws_col == 0)
    return std::nullopt;
  return TerminalSize{size.ws_row, size.ws_col};
}

RawTerminal::RawTerminal(int fd) : fd_(fd) {
  sys::check(::tcgetattr(fd_, &saved_), "tcgetattr", "standard input");
  make_raw();
}

void RawTerminal::make_raw() {
  termios raw = saved_;
  ::cfmakeraw(&raw);
  // TCSADRAIN: what was already printed is not mangled; typed-ahead keys are kept.
  sys::check(::tcsetattr(fd_, TCSADRAIN, &raw), "tcsetattr", "standard input");
  raw_ = true;
}

void RawTerminal::restore() noexcept {
  if (raw_) ::tcsetattr(fd_, TCSADRAIN, &saved_);
  raw_ = false;
}

}  // namespace ctr::cli
