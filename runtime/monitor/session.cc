#include "runtime/monitor/session.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>

#include "runtime/sys/error.h"
#include "runtime/sys/file.h"
#include "runtime/sys/socket.h"
#include "runtime/terminal.h"

namespace ctr::runtime {

namespace {

constexpr size_t input_limit = 64 * 1024;

struct Pipe {
  sys::UniqueFd read;
  sys::UniqueFd write;
};

Pipe make_pipe() {
  int ends[2];
  sys::check(::pipe2(ends, O_CLOEXEC), "pipe");
  return {sys::UniqueFd(ends[0]), sys::UniqueFd(ends[1])};
}

sys::UniqueFd open_null() {
  return sys::open_at(AT_FDCWD, "/dev/null", O_RDWR);
}

}  // namespace

Session::Session(SessionOptions options) : options_(std::move(options)) {
  outputs_[1].stream = Stream::standard_error;
  if (options_.terminal) return;
  // Only our ends are non-blocking: the process's have file descriptions of their own, and a
  // program that finds its stdout non-blocking fails in surprising ways.
  if (options_.open_stdin) {
    Pipe input = make_pipe();
    child_[0] = std::move(input.read);
    input_ = std::move(input.write);
    sys::set_nonblocking(input_.get(), true);
  } else {
    child_[0] = open_null();
  }
  for (size_t i = 0; i < outputs_.size(); ++i) {
    Pipe output = make_pipe();
    child_[i + 1] = std::move(output.write);
    outputs_[i].fd = std::move(output.read);
    sys::set_nonblocking(outputs_[i].fd.get(), true);
  }
}

std::array<int, 3> Session::child_stdio() const {
  return {child_[0].get(), child_[1].get(), child_[2].get()};
}

void Session::close_child_ends() {
  for (sys::UniqueFd& end : child_) end.reset();
}

void Session::use_terminal(sys::UniqueFd master) {
  sys::set_nonblocking(master.get(), true);
  terminal_ = std::move(master);
  outputs_[0].fd = sys::duplicate(terminal_.get());
  if (options_.open_stdin) input_ = sys::duplicate(terminal_.get());
}

void Session::attach(sys::UniqueFd socket, AttachOptions options) {
  Client& client = clients_.emplace_back(std::move(socket), std::move(options), options_.terminal,
                                         options_.detach_keys);
  if (client.gives_input()) take_input(client, client.take_preread());
}

void Session::close_stdin() {
  end_input_ = true;
  flush_input();
}

void Session::resize(uint16_t rows, uint16_t columns) {
  if (terminal_) set_terminal_size(terminal_.get(), rows, columns);
}

void Session::report(const std::string& message) {
  for (Client& client : clients_) client.send(Stream::standard_error, message);
}

bool Session::is_throttled() const {
  return std::any_of(clients_.begin(), clients_.end(),
                     [](const Client& client) { return !client.gone() && client.is_full(); });
}

void Session::watch(PollSet& set) {
  sweep();
  if (!is_throttled())
    for (Output& output : outputs_)
      if (output.fd) set.add(output.fd.get(), POLLIN, [&](short) { read_output(output); });
  if (input_ && !pending_input_.empty())
    set.add(input_.get(), POLLOUT, [&](short) { flush_input(); });
  bool wants_input = input_ && pending_input_.size() < input_limit;
  for (Client& client : clients_) {
    bool reads = client.gives_input() && (wants_input || !input_);
    short events = static_cast<short>((reads ? POLLIN : 0) | (client.has_pending() ? POLLOUT : 0));
    set.add(client.descriptor(), events, [&](short ready) { client_ready(client, ready); });
  }
}

void Session::client_ready(Client& client, short events) {
  if ((events & POLLOUT) != 0) client.flush();
  if ((events & POLLIN) != 0 && client.gives_input()) {
    take_input(client, client.receive());
    return;  // a hang-up is looked at once everything was read
  }
  if ((events & (POLLHUP | POLLERR)) != 0) client.leave();
}

void Session::take_input(Client& client, std::string input) {
  if (input_) pending_input_ += input;
  if (client.input_ended() && options_.stdin_once && !options_.terminal) end_input_ = true;
  flush_input();
}

void Session::flush_input() {
  while (input_ && !pending_input_.empty()) {
    ssize_t written = sys::retry_on_signal(
        [&] { return ::write(input_.get(), pending_input_.data(), pending_input_.size()); });
    if (written < 0 && errno == EAGAIN) return;
    if (written < 0) {
      // EPIPE, EIO: the process does not read any more.
      input_.reset();
      pending_input_.clear();
    } else {
      pending_input_.erase(0, static_cast<size_t>(written));
    }
  }
  if (end_input_) input_.reset();
}

bool Session::read_output(Output& output) {
  char buffer[16384];
  ssize_t count =
      sys::retry_on_signal([&] { return ::read(output.fd.get(), buffer, sizeof buffer); });
  if (count < 0 && errno == EAGAIN) return false;
  if (count <= 0) {
    // EIO of a terminal: its last user closed it. Until one opens it again poll(2) would only
    // report the hang-up, so the end of the process is what ends the session.
    output.fd.reset();
    return false;
  }
  deliver(output.stream, {buffer, static_cast<size_t>(count)});
  return true;
}

void Session::deliver(Stream stream, std::string_view output) {
  if (options_.log != nullptr) options_.log->write(stream, output);
  for (Client& client : clients_) client.send(stream, output);
}

void Session::drain() {
  for (Output& output : outputs_) {
    while (output.fd && read_output(output)) {
    }
    output.fd.reset();
  }
  if (options_.log != nullptr) options_.log->flush();
  input_.reset();
  terminal_.reset();
  sweep();
}

bool Session::has_pending() const {
  return std::any_of(clients_.begin(), clients_.end(),
                     [](const Client& client) { return !client.gone() && client.has_pending(); });
}

void Session::let_go() {
  clients_.remove_if([](const Client& client) { return client.gone() || !client.has_pending(); });
}

void Session::sweep() {
  clients_.remove_if([](const Client& client) { return client.gone(); });
}

}  // namespace ctr::runtime
