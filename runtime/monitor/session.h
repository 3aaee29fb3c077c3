// The streams of one process, the container's first or an exec's: its input and output on one side,
// the attached clients and the log on the other.
// runs in: ctr-monitor.
#pragma once

#include <array>
#include <list>
#include <memory>
#include <string>

#include "runtime/monitor/client.h"
#include "runtime/monitor/log_writer.h"
#include "runtime/monitor/poll_set.h"
#include "runtime/sys/unique_fd.h"

namespace ctr::runtime {

struct SessionOptions {
  bool terminal = false;
  bool open_stdin = false;  // give the process an input, whether or not a client is there
  bool stdin_once = false;  // end it when the first client's input ends
  std::string detach_keys;
  LogWriter* log = nullptr;  // null: not logged
};

class Session {
 public:
  // Makes the pipes (or waits for the terminal).
  explicit Session(SessionOptions options);

  // The process's ends, for launch; closed once it runs.
  std::array<int, 3> child_stdio() const;
  void close_child_ends();
  void use_terminal(sys::UniqueFd master);

  void attach(sys::UniqueFd socket, AttachOptions options);
  void close_stdin();
  void resize(uint16_t rows, uint16_t columns);
  // To the clients, not to the log: why the process did not start.
  void report(const std::string& message);

  void watch(PollSet& set);
  // The process ended: what it wrote is read to the last byte, then nothing more is.
  void drain();
  // After drain(): true while clients still have output to fetch.
  bool has_pending() const;
  // After drain(), and once the exit was announced: the stream of who has all of it ends.
  void let_go();

 private:
  struct Output {
    sys::UniqueFd fd;
    Stream stream = Stream::standard_output;
  };
  bool is_throttled() const;
  bool read_output(Output& output);  // false at the end or if nothing is there
  void deliver(Stream stream, std::string_view output);
  void take_input(Client& client, std::string input);
  void flush_input();
  void client_ready(Client& client, short events);
  void sweep();

  SessionOptions options_;
  std::array<sys::UniqueFd, 3> child_;
  sys::UniqueFd input_;  // the write end of the process's input; the master where it has a terminal
  sys::UniqueFd terminal_;
  std::array<Output, 2> outputs_;
  std::list<Client> clients_;
  std::string pending_input_;
  bool end_input_ = false;  // close the input once pending_input_ is written
};

}  // namespace ctr::runtime
