// The user's terminal: is there one, how large is it, and raw mode for as long as a container has
// it.
#pragma once

#include <termios.h>

#include <optional>

namespace ctr::cli {

struct TerminalSize {
  unsigned rows = 0;
  unsigned columns = 0;
  bool operator==(const TerminalSize&) const = default;
};

bool is_terminal(int fd);
// nullopt if it is no terminal or does not know (0 x 0).
std::optional<TerminalSize> find_terminal_size(int fd);

// Raw from construction to destruction: each key goes to the container as it is.
class RawTerminal {
 public:
  explicit RawTerminal(int fd);
  ~RawTerminal() { restore(); }
  RawTerminal(const RawTerminal&) = delete;
  RawTerminal& operator=(const RawTerminal&) = delete;

  // For the time that ctr is stopped, and before the process ends by a signal.
  void restore() noexcept;
  void make_raw();

 private:
  int fd_;
  bool raw_ = false;
  termios saved_{};
};

}  // namespace ctr::cli
