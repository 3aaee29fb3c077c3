// From main()'s arguments to a command that ran: finds the command in the table, reads its options
// by the rules of Docker's client, runs it and turns what it throws into a line and an exit code.
#pragma once

#include <CLI/App.hpp>

#include <string>
#include <vector>

#include "cli/command.h"

namespace ctr::cli {

// A mistake in the command line; what() says which one.
class UsageError : public sys::Error {
 public:
  explicit UsageError(const std::string& message)
      : sys::Error(sys::ErrorKind::invalid_argument, message) {}
};

struct ArrangedArguments {
  // One element an option name ("--env"), one its value; "--rm" or "--rm=false" for switches.
  std::vector<std::string> options;
  std::vector<std::string> operands;
  bool help = false;
};

// Pure. Sorts arguments into options and operands as Docker's client does: "-it", "-eA=1", "-e A",
// "--env=A", "--" ends the options, and so does the first operand if `stop_at_operand`. Throws
// UsageError for options that the command does not have.
ArrangedArguments arrange_arguments(const CLI::App& command,
                                    const std::vector<std::string>& arguments,
                                    bool stop_at_operand);

// `arguments` without the program's name. Returns the exit code. Never throws.
int run_command_line(const std::vector<std::string>& arguments);

}  // namespace ctr::cli
