#include "runtime/monitor/client.h"

#include <sys/socket.h>

#include "runtime/sys/error.h"
#include "runtime/sys/socket.h"

namespace ctr::runtime {

namespace {

constexpr std::string_view usual_detach_keys = "ctrl-p,ctrl-q";

// Docker's frame: the stream's number, three zeros, the length big-endian.
void append_frame_header(std::string& bytes, Stream stream, size_t length) {
  bytes += static_cast<char>(stream);
  bytes.append(3, '\0');
  for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(length >> shift);
}

// Detach keys are for people at terminals: elsewhere their bytes are data.
std::string sequence_for(bool terminal, const std::string& asked, const std::string& otherwise) {
  if (!terminal) return "";
  if (!asked.empty()) return parse_detach_keys(asked);
  return parse_detach_keys(otherwise.empty() ? std::string(usual_detach_keys) : otherwise);
}

}  // namespace

Client::Client(sys::UniqueFd socket, AttachOptions options, bool terminal,
               const std::string& default_detach_keys)
    : socket_(std::move(socket)),
      options_(std::move(options)),
      terminal_(terminal),
      scanner_(sequence_for(terminal, options_.detach_keys, default_detach_keys)) {
  sys::set_nonblocking(socket_.get(), true);
}

bool Client::wants(Stream stream) const {
  if (terminal_) return options_.stdout_stream || options_.stderr_stream;
  return stream == Stream::standard_error ? options_.stderr_stream : options_.stdout_stream;
}

void Client::send(Stream stream, std::string_view output) {
  if (gone_ || !wants(stream)) return;
  if (options_.framed && !terminal_) append_frame_header(pending_, stream, output.size());
  pending_ += output;
  flush();
}

void Client::flush() {
  while (!pending_.empty() && !gone_) {
    ssize_t sent = sys::retry_on_signal([&] {
      return ::send(socket_.get(), pending_.data(), pending_.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    });
    if (sent < 0 && errno == EAGAIN) return;
    if (sent < 0)
      gone_ = true;
    else
      pending_.erase(0, static_cast<size_t>(sent));
  }
  if (pending_.empty() && pending_.capacity() > 65536) pending_.shrink_to_fit();
}

std::string Client::receive() {
  char buffer[16384];
  ssize_t count = sys::retry_on_signal(
      [&] { return ::recv(socket_.get(), buffer, sizeof buffer, MSG_DONTWAIT); });
  if (count < 0 && errno == EAGAIN) return "";
  if (count < 0) gone_ = true;
  if (count <= 0) {
    input_ended_ = true;
    return "";
  }
  std::string input;
  if (scanner_.scan({buffer, static_cast<size_t>(count)}, input)) gone_ = true;
  return input;
}

std::string Client::take_preread() {
  std::string input;
  if (scanner_.scan(std::exchange(options_.preread, ""), input)) gone_ = true;
  return input;
}

}  // namespace ctr::runtime
