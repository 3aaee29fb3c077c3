// What run, start, attach and exec have in common: which streams, and how a session's end becomes
// an exit code.
#pragma once

#include <string>
#include <string_view>

#include "cli/command.h"
#include "cli/session.h"

namespace ctr::cli {

struct Streams {
  bool input = false;
  bool output = false;
  bool error = false;
  bool any() const { return input || output || error; }
};

// What a client must know of a container before it attaches.
struct ContainerFacts {
  std::string id;
  bool tty = false;
  bool open_stdin = false;
  bool running = false;
  bool paused = false;
  bool restarting = false;
  bool auto_remove = false;
};
ContainerFacts inspect_container(Client& client, const std::string& name);

// "/containers/<id>/attach?stream=1&…". Throws for detach keys that are none.
std::string attach_target(std::string_view id, const Streams& streams,
                          const std::string& detach_keys);

// Throws unless standard input is a terminal where the container's terminal needs one.
void require_terminal(const Streams& streams, bool tty);

SessionOptions container_session(const std::string& id, const Streams& streams, bool tty,
                                 bool pass_signals, const std::string& detach_keys);

// "read escape sequence" and 0, or the container's exit code.
int session_exit_code(Context& context, Session::End end, const ExitWait& wait);

// What a shell expects of a command that could not be started: 127 if there is none, 126 if it may
// not be executed, 125 for all else.
int start_failure_exit_code(std::string_view message);

// {"ConsoleSize":[rows, columns]} of our terminal as JSON text, or "null".
std::string console_size_json();

}  // namespace ctr::cli
