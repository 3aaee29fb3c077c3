// Between our own standard input and output and a process's terminal.
#pragma once

#include <poll.h>
#include <termios.h>

#include <optional>
#include <string>

#include "runtime/sys/unique_fd.h"

namespace ctr::runtime::oci {

class TerminalRelay {
 public:
  // Our own terminal, if we have one, is raw as long as this lives: what is typed is for the process.
  explicit TerminalRelay(sys::UniqueFd terminal);
  ~TerminalRelay();
  TerminalRelay(const TerminalRelay&) = delete;
  TerminalRelay& operator=(const TerminalRelay&) = delete;

  // What to wait for: our input, then the terminal. A descriptor of -1 is ended, or has to wait.
  void watch(pollfd& input, pollfd& terminal) const;
  void copy(const pollfd& input, const pollfd& terminal);
  // What the process wrote before it ended. Others may hold its terminal open: no waiting.
  void drain();
  void copy_size() const;

 private:
  void read_input();
  void write_input();
  bool copy_output();

  sys::UniqueFd terminal_;
  std::optional<termios> old_mode_;
  // Read from our input and not taken by the terminal yet. Nothing more is read until it is: a process
  // that does not read must not keep us from showing what it writes.
  std::string pending_;
  bool input_ended_ = false;
  bool output_ended_ = false;
};

}  // namespace ctr::runtime::oci
