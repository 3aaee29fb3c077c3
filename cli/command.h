// What a command of `ctr` is, and what it is given. Every verb is one file in commands/ with one
// function that hangs a subcommand into the tree; commands.cc has the one table of them.
//
//   void add_pause(CLI::App& parent, Context& context, std::string name) {
//     auto names = std::make_shared<std::vector<std::string>>();
//     CLI::App* command = parent.add_subcommand(name, "Pause all processes within containers");
//     command->add_option("CONTAINER", *names)->required();
//     command->callback([&context, names] { context.exit_code = pause(context, *names); });
//   }
//
// The frame (command_line.cc) reads the command line by Docker's rules before CLI11 sees it, so a
// command only declares: options repeat (the last one counts, vectors collect), take one value
// each, and may stand behind operands ("rm a -f"). For `run` and its like, where everything behind
// the first operand belongs to the container, call takes_operands(command, "IMAGE [COMMAND]
// [ARG...]"): the operands are then in context.operands instead of CLI11's positionals. "-h" means
// --help unless the command defines it.
#pragma once

#include <CLI/App.hpp>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "cli/client.h"

namespace ctr::cli {

// What stands before the command: `ctr -H unix:///run/x.sock ps`.
struct GlobalOptions {
  std::string host;              // -H; empty: CTR_HOST, DOCKER_HOST, the default socket
  std::string config_directory;  // --config; empty: DOCKER_CONFIG, ~/.docker
  bool debug = false;            // -D: show the requests on stderr
};

// Ends the command from anywhere with this exit code; what there was to say has been said.
struct Exit {
  int code;
};

class Context {
 public:
  Context();
  ~Context();

  GlobalOptions options;
  std::string command;                // as typed: "ctr container ls"
  std::vector<std::string> operands;  // of commands with prefix_command()
  int exit_code = 0;                  // what the command's callback leaves here
  // With what an exception ends the command: 125 for run.
  int failure_exit_code = 1;

  // The daemon; connects with the first request.
  Client& client();

  // Appends to standard output, which is written when it is large, on flush() and at the end. A
  // reader that went away (`ctr ps | head -1`) ends the command quietly (throws Exit{0}).
  void out(std::string_view text);
  void out_line(std::string_view text);
  void flush();
  // "ctr: <text>" on standard error, after what was written to standard output.
  void error_line(std::string_view text);
  // An error with what to do about it, where that can be said.
  void report(const sys::Error& error);
  void warning_line(std::string_view text);  // "ctr: warning: <text>"
  // As it is, with a newline.
  void notice_line(std::string_view text);

 private:
  std::string pending_;
  std::unique_ptr<Client> client_;
};

// Options only before the first operand; everything from it on goes to context.operands. `usage` is
// what the help's first line says of them.
void takes_operands(CLI::App* command, std::string usage);

// For commands over several objects ("rm a b c"): runs `act` for each; an error is printed and the
// next one tried. Returns the exit code: 0, or 1 if any failed.
template <class Act>
int for_each_operand(Context& context, const std::vector<std::string>& names, Act act) {
  int code = 0;
  for (const std::string& name : names) {
    try {
      act(name);
    } catch (const sys::Error& error) {
      context.report(error);
      code = 1;
    }
  }
  return code;
}

}  // namespace ctr::cli
