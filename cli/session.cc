#include "cli/session.h"

#include <poll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>

#include "cli/command.h"

namespace ctr::cli {

namespace {

using namespace std::chrono_literals;

constexpr size_t relay_size = 64 << 10;
// How long a daemon may be away once the stream is over before the exit code is given up.
constexpr auto patience = 60s;
// A stream that stays open and silent after the container ended is not waited for longer.
constexpr auto silence_after_exit = 5s;
constexpr auto detach_answer_time = 2s;
constexpr int resize_tries = 10;

// Writes everything; false if nobody reads it any more.
bool write_fully(int fd, std::string_view data) {
  while (!data.empty()) {
    ssize_t written = sys::retry_on_signal([&] { return ::write(fd, data.data(), data.size()); });
    if (written >= 0) {
      data.remove_prefix(static_cast<size_t>(written));
    } else if (errno == EAGAIN) {
      // Somebody who shares the descriptor made it non-blocking.
      pollfd poll{fd, POLLOUT, 0};
      ::poll(&poll, 1, -1);
    } else if (errno == EPIPE) {
      return false;
    } else {
      sys::throw_errno(errno, "write", {"the container's output"});
    }
  }
  return true;
}

void print(OutputStream stream, std::string_view data) {
  int fd = stream == OutputStream::standard_error ? STDERR_FILENO : STDOUT_FILENO;
  // As if the signal had ended us, which is what a shell expects of a writer without a reader.
  if (!write_fully(fd, data)) throw Exit{128 + SIGPIPE};
}

std::string signal_name(int signal) {
  const char* name = ::sigabbrev_np(signal);
  return name ? std::string("SIG") + name : std::to_string(signal);
}

}  // namespace

SignalInbox::SignalInbox(const SessionOptions& options) {
  ::sigemptyset(&taken_);
  bool raw = options.tty && options.input && is_terminal(STDIN_FILENO);
  if (options.tty) ::sigaddset(&taken_, SIGWINCH);
  if (options.pass_signals || raw)
    for (int signal : {SIGHUP, SIGINT, SIGQUIT, SIGTERM}) ::sigaddset(&taken_, signal);
  if (options.pass_signals && !raw)
    for (int signal : {SIGUSR1, SIGUSR2, SIGALRM}) ::sigaddset(&taken_, signal);
  if (raw) ::sigaddset(&taken_, SIGTSTP);
  sys::check(::sigprocmask(SIG_BLOCK, &taken_, &before_), "sigprocmask");
  fd_ = sys::UniqueFd(sys::check(::signalfd(-1, &taken_, SFD_CLOEXEC | SFD_NONBLOCK), "signalfd"));
}

SignalInbox::~SignalInbox() {
  ::sigprocmask(SIG_SETMASK, &before_, nullptr);
}

std::optional<int> SignalInbox::take() {
  signalfd_siginfo info{};
  ssize_t size = sys::retry_on_signal([&] { return ::read(fd_.get(), &info, sizeof info); });
  if (size != sizeof info) return std::nullopt;
  return static_cast<int>(info.ssi_signo);
}

void SignalInbox::die_of(int signal) {
  ::signal(signal, SIG_DFL);
  ::sigprocmask(SIG_UNBLOCK, &taken_, nullptr);
  ::raise(signal);
  ::_exit(128 + signal);
}

Session::Session(Client& client, SessionOptions options, SignalInbox& signals)
    : client_(client),
      options_(std::move(options)),
      signals_(signals),
      detach_(parse_detach_keys(options_.detach_keys.empty() ? default_detach_keys
                                                             : options_.detach_keys)),
      demux_(print) {}

Session::End Session::run(std::optional<HijackedStream> stream, ExitWait* wait) {
  stream_ = std::move(stream);
  wait_ = wait;
  input_open_ = stream_ && options_.input;
  if (options_.tty && input_open_ && is_terminal(STDIN_FILENO)) terminal_.emplace(STDIN_FILENO);
  if (options_.tty) {
    resize_attempts_ = resize_tries;
    resize();
  }
  if (stream_ && !stream_->preread.empty()) take_output(std::exchange(stream_->preread, {}));
  last_output_ = Clock::now();
  while (!over()) poll_once();
  terminal_.reset();
  if (wait_failure_) std::rethrow_exception(wait_failure_);
  return detached_ && !(wait_ && wait_->exit_code()) ? End::detached : End::finished;
}

bool Session::over() const {
  if (detached_) return !stream_ || Clock::now() - detached_at_ > detach_answer_time;
  bool exit_known = !wait_ || wait_->exit_code();
  if (!stream_) return exit_known;
  return wait_ && exit_known && Clock::now() - last_output_ > silence_after_exit;
}

int Session::poll_timeout() const {
  if (wait_ && wait_->daemon_away() && !wait_->exit_code()) return 20;
  if (resize_attempts_ > 0) return 20;
  if (detached_ || (wait_ && wait_->exit_code())) return 500;
  return -1;
}

void Session::poll_once() {
  short stream_events = pending_.empty() ? POLLIN : POLLIN | POLLOUT;
  pollfd events[] = {
      {signals_.descriptor(), POLLIN, 0},
      {stream_ ? stream_->socket.get() : -1, stream_events, 0},
      {input_open_ && pending_.empty() ? STDIN_FILENO : -1, POLLIN, 0},
      {wait_ ? wait_->descriptor() : -1, POLLIN, 0},
  };
  sys::check(sys::retry_on_signal([&] { return ::poll(events, 4, poll_timeout()); }), "poll");
  if (events[0].revents)
    while (std::optional<int> signal = signals_.take()) handle_signal(*signal);
  if (events[1].revents & POLLOUT) send_pending();
  if (stream_ && (events[1].revents & (POLLIN | POLLHUP | POLLERR))) handle_stream();
  if (stream_ && events[2].revents) handle_input();
  if (events[3].revents || (wait_ && wait_->daemon_away())) advance_wait();
  if (resize_attempts_ > 0) resize();
}

void Session::handle_input() {
  char data[relay_size];
  ssize_t size = sys::retry_on_signal([&] { return ::read(STDIN_FILENO, data, sizeof data); });
  if (size < 0 && errno == EAGAIN) return;
  if (size <= 0) {  // a terminal that went away gives an error: that is its end
    input_open_ = false;
    send_pending();
    return;
  }
  std::string_view typed(data, static_cast<size_t>(size));
  pending_ += typed;
  if (options_.tty && !detached_ && detach_.feed(typed)) {
    detached_ = true;
    detached_at_ = Clock::now();
    input_open_ = false;
    // No half-close: the daemon's side ends the stream when it has seen the keys.
    half_closed_ = true;
  }
  send_pending();
}

void Session::send_pending() {
  while (stream_ && !pending_.empty()) {
    ssize_t sent = sys::retry_on_signal([&] {
      return ::send(stream_->socket.get(), pending_.data(), pending_.size(),
                    MSG_DONTWAIT | MSG_NOSIGNAL);
    });
    if (sent < 0 && errno == EAGAIN) return;
    if (sent < 0) {  // the container's end is closed; what it wrote can still arrive
      pending_.clear();
      input_open_ = false;
      half_closed_ = true;
      return;
    }
    pending_.erase(0, static_cast<size_t>(sent));
  }
  if (stream_ && options_.input && !input_open_ && !half_closed_) {
    ::shutdown(stream_->socket.get(), SHUT_WR);
    half_closed_ = true;
  }
}

void Session::handle_stream() {
  char data[relay_size];
  ssize_t size = sys::retry_on_signal(
      [&] { return ::recv(stream_->socket.get(), data, sizeof data, MSG_DONTWAIT); });
  if (size < 0 && errno == EAGAIN) return;
  if (size <= 0) return end_stream();
  take_output(std::string_view(data, static_cast<size_t>(size)));
  last_output_ = Clock::now();
}

void Session::take_output(std::string_view data) {
  if (stream_->framed)
    demux_.feed(data);
  else
    print(OutputStream::standard_output, data);
}

void Session::end_stream() {
  stream_.reset();
  input_open_ = false;
  pending_.clear();
}

void Session::handle_signal(int signal) {
  if (signal == SIGWINCH) {
    resize_attempts_ = resize_tries;
  } else if (signal == SIGTSTP) {
    stop_by_terminal();
  } else if (raw()) {
    terminal_->restore();
    signals_.die_of(signal);
  } else {
    pass_on(signal);
  }
}

// The container's processes decide what a signal means. Whoever insists is let go.
void Session::pass_on(int signal) {
  bool insists = (signal == SIGINT || signal == SIGTERM) && ++interrupts_ >= 3;
  if (!options_.pass_signals || options_.kill_target.empty() || insists) signals_.die_of(signal);
  try {
    client_.set_answer_timeout(2s);
    client_.post(options_.kill_target + Query().add("signal", signal_name(signal)).text());
  } catch (const sys::Error&) {
    // It may have ended just now, which its exit code says; or the daemon is restarting, and the
    // user tries again.
  }
}

void Session::stop_by_terminal() {
  terminal_->restore();
  ::raise(SIGSTOP);
  terminal_->make_raw();  // somebody typed "fg"
  resize_attempts_ = resize_tries;
}

// Tried again, since the container's terminal may not be there yet, or the daemon be restarting.
void Session::resize() {
  std::optional<TerminalSize> size = find_terminal_size(STDOUT_FILENO);
  if (!size) size = find_terminal_size(STDIN_FILENO);
  --resize_attempts_;
  if (!size || options_.resize_target.empty()) {
    resize_attempts_ = 0;
    return;
  }
  Clock::time_point begin = Clock::now();
  try {
    client_.set_answer_timeout(1s);
    Query query = Query().add("h", int64_t{size->rows}).add("w", int64_t{size->columns});
    client_.post(options_.resize_target + query.text());
    resize_attempts_ = 0;
  } catch (const ConnectionError& error) {
    // A daemon that restarts is waited for; one that is there and does not answer is not, since the
    // terminal would stand still meanwhile.
    if (error.transient() && Clock::now() - begin < 100ms) resize_attempts_ = resize_tries;
  } catch (const sys::Error&) {
    // Perhaps the terminal is not there yet: tried again a few times.
  }
}

void Session::advance_wait() {
  bool was_away = wait_->daemon_away();
  try {
    wait_->advance();
  } catch (const sys::Error&) {
    // The exit code will never come, but the output still does: that first.
    wait_failure_ = std::current_exception();
    wait_ = nullptr;
    return;
  }
  if (wait_->exit_code()) last_output_ = Clock::now();
  if (!wait_->daemon_away() || wait_->exit_code()) return;
  // As long as its stream is there the container lives, and its end can be waited for.
  if (!was_away || stream_) away_since_ = Clock::now();
  if (Clock::now() - away_since_ > patience)
    throw ConnectionError(
        "the daemon went away and did not come back; the container goes on without it, 'ctr ps -a' "
        "shows its exit code once the daemon runs again",
        false);
}

}  // namespace ctr::cli
