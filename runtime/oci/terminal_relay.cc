#include "runtime/oci/terminal_relay.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include "runtime/sys/error.h"
#include "runtime/sys/file.h"
#include "runtime/sys/socket.h"

namespace ctr::runtime::oci {

namespace {
constexpr size_t buffer_size = 16 * 1024;
}

TerminalRelay::TerminalRelay(sys::UniqueFd terminal) : terminal_(std::move(terminal)) {
  sys::set_nonblocking(terminal_.get(), true);
  copy_size();
  termios mode{};
  if (::tcgetattr(STDIN_FILENO, &mode) < 0) return;  // not a terminal: a program types
  old_mode_ = mode;
  ::cfmakeraw(&mode);
  sys::check(::tcsetattr(STDIN_FILENO, TCSADRAIN, &mode), "tcsetattr");
}

TerminalRelay::~TerminalRelay() {
  if (old_mode_) ::tcsetattr(STDIN_FILENO, TCSADRAIN, &*old_mode_);
}

void TerminalRelay::copy_size() const {
  winsize size{};
  for (int standard = 0; standard <= 2; ++standard)
    if (::ioctl(standard, TIOCGWINSZ, &size) == 0) {
      (void)::ioctl(terminal_.get(), TIOCSWINSZ, &size);
      return;
    }
}

void TerminalRelay::watch(pollfd& input, pollfd& terminal) const {
  const bool reads = !input_ended_ && pending_.empty();
  input = {reads ? STDIN_FILENO : -1, POLLIN, 0};
  const int writes = pending_.empty() ? 0 : POLLOUT;
  terminal = {output_ended_ ? -1 : terminal_.get(), static_cast<short>(POLLIN | writes), 0};
}

void TerminalRelay::copy(const pollfd& input, const pollfd& terminal) {
  if (input.revents != 0) read_input();
  if (!pending_.empty()) write_input();
  if ((terminal.revents & (POLLIN | POLLHUP | POLLERR)) != 0 && !copy_output())
    output_ended_ = true;
}

void TerminalRelay::read_input() {
  char buffer[buffer_size];
  const ssize_t count =
      sys::retry_on_signal([&] { return ::read(STDIN_FILENO, buffer, sizeof buffer); });
  if (count < 0 && errno == EAGAIN) return;
  if (count <= 0) return void(input_ended_ = true);
  pending_.assign(buffer, static_cast<size_t>(count));
}

void TerminalRelay::write_input() {
  const ssize_t count = sys::retry_on_signal(
      [&] { return ::write(terminal_.get(), pending_.data(), pending_.size()); });
  if (count > 0) pending_.erase(0, static_cast<size_t>(count));
  if (count < 0 && errno != EAGAIN) pending_.clear();  // nobody will read it
}

// False at the end: EIO is how a terminal says that nobody has its other side open any more.
bool TerminalRelay::copy_output() {
  char buffer[buffer_size];
  const ssize_t count =
      sys::retry_on_signal([&] { return ::read(terminal_.get(), buffer, sizeof buffer); });
  if (count < 0 && errno == EAGAIN) return true;
  if (count <= 0) return false;
  sys::write_all(STDOUT_FILENO, std::string_view(buffer, static_cast<size_t>(count)),
                 "standard output");
  return true;
}

void TerminalRelay::drain() {
  while (!output_ended_) {
    pollfd item{terminal_.get(), POLLIN, 0};
    if (::poll(&item, 1, 0) <= 0 || !copy_output()) return;
  }
}

}  // namespace ctr::runtime::oci
