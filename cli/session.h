// The time between a container's start and its end as seen from the terminal: input goes in, output
// comes out, signals and sizes are passed on, and the exit code is waited for. One poll loop.
#pragma once

#include <chrono>
#include <exception>
#include <optional>
#include <string>
#include <string_view>

#include "cli/client.h"
#include "cli/detach_keys.h"
#include "cli/exit_wait.h"
#include "cli/raw_terminal.h"
#include "cli/stream_demux.h"

namespace ctr::cli {

struct SessionOptions {
  bool input = false;         // standard input goes to the container
  bool tty = false;           // the container has a terminal: bytes are raw, sizes are passed on
  bool pass_signals = false;  // as far as no terminal makes them keys
  std::string resize_target;  // "/containers/<id>/resize", "/exec/<id>/resize"
  std::string kill_target;    // "/containers/<id>/kill"
  std::string detach_keys;    // as the user wrote them; empty: ctrl-p,ctrl-q
};

// The signals that a session takes from the process, from construction to destruction; before the
// container runs, so that none is lost.
class SignalInbox {
 public:
  explicit SignalInbox(const SessionOptions& options);
  ~SignalInbox();
  SignalInbox(const SignalInbox&) = delete;
  SignalInbox& operator=(const SignalInbox&) = delete;

  int descriptor() const { return fd_.get(); }
  std::optional<int> take();
  // Ends the process by the signal, as if it had never been caught.
  [[noreturn]] void die_of(int signal);

 private:
  sigset_t taken_{};
  sigset_t before_{};
  sys::UniqueFd fd_;
};

class Session {
 public:
  enum class End { finished, detached };

  Session(Client& client, SessionOptions options, SignalInbox& signals);

  // Relays until the stream is over and, where there is a wait, the exit code is known; or until
  // the user detaches. Without a stream it only waits. Throws sys::Error; Exit where the reader of
  // our output went away.
  End run(std::optional<HijackedStream> stream, ExitWait* wait);

 private:
  using Clock = std::chrono::steady_clock;

  bool over() const;
  void poll_once();
  int poll_timeout() const;
  void handle_input();
  void handle_stream();
  void take_output(std::string_view data);
  void send_pending();
  void handle_signal(int signal);
  void pass_on(int signal);
  void stop_by_terminal();
  void resize();
  void advance_wait();
  void end_stream();
  bool raw() const { return terminal_.has_value(); }

  Client& client_;
  SessionOptions options_;
  SignalInbox& signals_;
  DetachMatcher detach_;
  std::optional<RawTerminal> terminal_;
  StreamDemux demux_;
  std::optional<HijackedStream> stream_;
  ExitWait* wait_ = nullptr;
  std::exception_ptr wait_failure_;
  std::string pending_;  // input that the socket did not take yet
  bool input_open_ = false;
  bool half_closed_ = false;
  bool detached_ = false;
  int resize_attempts_ = 0;  // left
  int interrupts_ = 0;
  Clock::time_point away_since_{};
  Clock::time_point detached_at_{};
  Clock::time_point last_output_{};
};

}  // namespace ctr::cli
