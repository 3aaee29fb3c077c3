// The websocket protocol as far as a stream of bytes needs it (RFC 6455): no extensions, no
// subprotocols. Pure; websocket_relay.h carries a container's streams by it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace ctr::daemon {

enum class WebSocketKind : uint8_t {
  continuation = 0,
  text = 1,
  binary = 2,
  close = 8,
  ping = 9,
  pong = 10,
};

struct WebSocketFrame {
  WebSocketKind kind = WebSocketKind::binary;
  std::string payload{};
};

// The answer to a client's Sec-WebSocket-Key (section 4.2.2). Throws Error{invalid_argument} for
// what is no key.
std::string websocket_accept(std::string_view key);

// A whole frame of the server's, which are not masked.
std::string websocket_frame(WebSocketKind kind, std::string_view payload);

// Takes a client's frames out of the bytes that come. Pieces of a message are frames of their own
// here: a stream has no messages.
class WebSocketReader {
 public:
  static constexpr size_t payload_limit = 1 << 20;

  void feed(std::string_view bytes) { bytes_ += bytes; }
  // nullopt until the next frame is complete. Throws Error{invalid_argument} for what the protocol
  // does not allow, and a frame that is too long; then nothing that follows can be understood.
  std::optional<WebSocketFrame> next();

 private:
  std::string bytes_;
};

}  // namespace ctr::daemon
