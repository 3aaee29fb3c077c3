#include "daemon/websocket.h"

#include <openssl/sha.h>

#include "runtime/base64.h"
#include "runtime/sys/error.h"

namespace ctr::daemon {

namespace {

using sys::Error;
using sys::ErrorKind;

constexpr std::string_view protocol_id = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
constexpr size_t key_bytes = 16;
constexpr size_t key_length = 24;  // in base64
constexpr size_t mask_bytes = 4;
constexpr size_t control_limit = 125;  // of a close, ping or pong

// Section 5.2: a length of up to 125 is itself, 126 and 127 stand for two and eight bytes that
// follow.
constexpr size_t two_bytes = 126;
constexpr size_t eight_bytes = 127;

[[noreturn]] void refuse(std::string message) {
  throw Error(ErrorKind::invalid_argument, "websocket: " + std::move(message));
}

uint64_t read_number(std::string_view bytes) {
  uint64_t value = 0;
  for (char byte : bytes) value = value << 8 | static_cast<uint8_t>(byte);
  return value;
}

void append_number(std::string& bytes, uint64_t value, size_t size) {
  for (size_t i = size; i-- > 0;) bytes += static_cast<char>(value >> (8 * i));
}

size_t length_size(uint8_t short_length) {
  return short_length == two_bytes ? 2 : short_length == eight_bytes ? 8 : 0;
}

WebSocketKind kind_of(uint8_t first) {
  if ((first & 0x70) != 0) refuse("reserved bits are set");
  switch (first & 0x0f) {
    case 0:
    case 1:
    case 2:
      return static_cast<WebSocketKind>(first & 0x0f);
    case 8:
    case 9:
    case 10:
      if ((first & 0x80) == 0) refuse("a control frame is in pieces");
      return static_cast<WebSocketKind>(first & 0x0f);
    default:
      refuse("unknown kind of frame");
  }
}

}  // namespace

std::string websocket_accept(std::string_view key) {
  if (key.size() != key_length || runtime::base64_decode(key).size() != key_bytes)
    refuse("the key is not 16 bytes in base64");
  const std::string text = std::string(key).append(protocol_id);
  unsigned char digest[SHA_DIGEST_LENGTH];
  ::SHA1(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest);
  return runtime::base64_encode({reinterpret_cast<const char*>(digest), sizeof digest});
}

std::string websocket_frame(WebSocketKind kind, std::string_view payload) {
  std::string bytes(1, static_cast<char>(0x80 | static_cast<uint8_t>(kind)));
  if (payload.size() < two_bytes) {
    bytes += static_cast<char>(payload.size());
  } else {
    const size_t size = payload.size() <= 0xffff ? 2 : 8;
    bytes += static_cast<char>(size == 2 ? two_bytes : eight_bytes);
    append_number(bytes, payload.size(), size);
  }
  return bytes.append(payload);
}

std::optional<WebSocketFrame> WebSocketReader::next() {
  if (bytes_.size() < 2) return std::nullopt;
  const WebSocketKind kind = kind_of(static_cast<uint8_t>(bytes_[0]));
  const auto second = static_cast<uint8_t>(bytes_[1]);
  if ((second & 0x80) == 0) refuse("a client's frame is not masked");
  const uint8_t short_length = second & 0x7f;
  if (kind >= WebSocketKind::close && short_length > control_limit)
    refuse("a control frame is too long");
  const size_t extra = length_size(short_length);
  const size_t head = 2 + extra + mask_bytes;
  if (bytes_.size() < head) return std::nullopt;
  const uint64_t length =
      extra == 0 ? short_length : read_number(std::string_view(bytes_).substr(2, extra));
  if (length > payload_limit) refuse("a frame is too long");
  if (bytes_.size() < head + length) return std::nullopt;
  const std::string mask = bytes_.substr(2 + extra, mask_bytes);
  WebSocketFrame frame{kind, bytes_.substr(head, length)};
  for (size_t i = 0; i < frame.payload.size(); ++i)
    frame.payload[i] = static_cast<char>(frame.payload[i] ^ mask[i % mask_bytes]);
  bytes_.erase(0, head + length);
  return frame;
}

}  // namespace ctr::daemon
