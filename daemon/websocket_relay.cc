#include "daemon/websocket_relay.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <array>

#include "daemon/websocket.h"
#include "runtime/sys/error.h"

namespace ctr::daemon {

namespace {

constexpr size_t piece_size = 32 << 10;
// A side that takes nothing for so long is given up: this thread is one of few.
constexpr timeval patience{60, 0};
constexpr std::string_view normal_end("\x03\xe8", 2);      // 1000
constexpr std::string_view protocol_error("\x03\xea", 2);  // 1002

class Relay {
 public:
  Relay(int client, int streams) : client_(client), streams_(streams) {
    for (int socket : {client, streams})
      ::setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  }

  void run(const std::string& preread) {
    try {
      going_ = take(preread);
      while (going_) turn();
      send_all(client_, websocket_frame(WebSocketKind::close, normal_end));
    } catch (const sys::Error& error) {
      if (error.kind() != sys::ErrorKind::invalid_argument) throw;
      send_all(client_, websocket_frame(WebSocketKind::close, protocol_error));
    }
  }

 private:
  void turn() {
    std::array<pollfd, 2> items{{{client_, POLLIN, 0}, {streams_, POLLIN, 0}}};
    sys::check(sys::retry_on_signal([&] { return ::poll(items.data(), items.size(), -1); }),
               "poll");
    std::array<char, piece_size> piece{};
    for (const pollfd& item : items) {
      if (item.revents == 0 || !going_) continue;
      const ssize_t count =
          sys::retry_on_signal([&] { return ::recv(item.fd, piece.data(), piece.size(), 0); });
      const std::string_view bytes(piece.data(), count > 0 ? static_cast<size_t>(count) : 0);
      if (count <= 0)
        going_ = false;
      else
        going_ = item.fd == client_
                     ? take(bytes)
                     : send_all(client_, websocket_frame(WebSocketKind::binary, bytes));
    }
  }

  // What the client said; false at its end.
  bool take(std::string_view bytes) {
    reader_.feed(bytes);
    while (std::optional<WebSocketFrame> frame = reader_.next()) {
      switch (frame->kind) {
        case WebSocketKind::close:
          return false;
        case WebSocketKind::ping:
          if (!send_all(client_, websocket_frame(WebSocketKind::pong, frame->payload)))
            return false;
          break;
        case WebSocketKind::pong:
          break;
        default:
          if (!send_all(streams_, frame->payload)) return false;
      }
    }
    return true;
  }

  int client_;
  int streams_;
  WebSocketReader reader_;
  bool going_ = true;
};

}  // namespace

bool send_all(int socket, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = sys::retry_on_signal(
        [&] { return ::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL); });
    if (count < 0) return false;
    bytes.remove_prefix(static_cast<size_t>(count));
  }
  return true;
}

void relay_websocket(HijackedConnection client, sys::UniqueFd streams) {
  Relay(client.socket.get(), streams.get()).run(client.preread);
}

}  // namespace ctr::daemon
