// The protocol between the two sides of a start: launch (on the host) and init (in the container).
// A socket pair of which init's end is closed by exec: end of file there means that exec succeeded.
//
//   launch (host side)                     init (container side)
//    │ clone3 ────────────────────────────►  stages of init.cc …
//    │ mapped ────────────────────────────►  only where it has a user namespace of its own
//    │ into the cgroup
//    │ host_ready ────────────────────────►  "wait for the host"
//    │ ◄────────────────────────── mounted   "run the creation hooks"; these two only where there
//    │ hooks_done ────────────────────────►  are prestart or createRuntime hooks
//    │ network interfaces
//    │ network_ready ─────────────────────►  "configure the network"
//    │ ◄──────────────────── terminal (+ fd)  only where the process has one
//    │ ◄───────────────────── born (+ pidfd)  only of an exec: who has prepared it ends, see birth.h
//    │ known ─────────────────────────────►   and the new process goes on
//    │ ◄─────────────────────── setup_done   nothing is left but to exec
//    │ start ─────────────────────────────►  "wait for the start"
//    │ ◄────────────────────── end of file   exec succeeded
//    │ ◄─ failure {stage, message, …}        instead of any message of init's
//
// A container of ctr-runtime waits for its start longer than the one who launched it lives:
//
//    │ ◄─────────────────────── setup_done
//    │ detach ────────────────────────────►  listens at its socket from now on
//    │ ◄────────────────────── end of file   the launcher may end
//   another process, connected to that socket
//    │ start ─────────────────────────────►  as above
//
// expect() refuses whatever else comes. A peer that dies is an end of file too: init then exits,
// launch throws "the container's first process died".
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "runtime/sys/error.h"
#include "runtime/sys/unique_fd.h"

namespace ctr::runtime {

enum class Step : uint32_t {
  host_ready,
  network_ready,
  terminal,
  setup_done,
  start,
  failure,
  detach,
  mounted,
  hooks_done,
  mapped,
  born,
  known,
  filesystem
};

// Docker's exit code for what is the engine's failure, not the command's.
inline constexpr int engine_failed = 125;

// What a failed start tells its caller: Docker's exit code (125, 126, 127) beside the error.
class LaunchError : public sys::Error {
 public:
  LaunchError(sys::ErrorKind kind, const std::string& stage, const std::string& message,
              int exit_code)
      : sys::Error(kind, message), stage_(stage), exit_code_(exit_code) {}
  const std::string& stage() const { return stage_; }
  int exit_code() const { return exit_code_; }

 private:
  std::string stage_;
  int exit_code_;
};

class LaunchChannel {
 public:
  explicit LaunchChannel(sys::UniqueFd socket) : socket_(std::move(socket)) {}

  void send(Step step, int descriptor = -1) const;
  // What init says last. Never throws: there is nobody left to tell.
  void send_failure(const std::string& stage, const sys::Error& error,
                    int exit_code) const noexcept;

  // Returns the descriptor that came with the message, if any. Throws LaunchError for a failure,
  // Error for anything unexpected.
  sys::UniqueFd expect(Step step) const;
  // Waits for the end of file; throws LaunchError for a failure.
  void expect_end() const;
  // Of a peer that has ended: throws LaunchError, with what it said last.
  [[noreturn]] void throw_last_words() const;
  // True if the other side is gone (init asks before it execs, lest it outlive its monitor).
  bool peer_gone() const;
  // Waits no longer than this for each message (milliseconds): an exec that is frozen with its
  // container must not hold up the monitor. Without it, as long as it takes.
  void set_patience(int patience) { patience_ = patience; }
  int descriptor() const { return socket_.get(); }

 private:
  void wait_for_message() const;

  sys::UniqueFd socket_;
  int patience_ = -1;
};

// {host's end, init's end}
std::pair<LaunchChannel, LaunchChannel> make_launch_channel();

}  // namespace ctr::runtime
