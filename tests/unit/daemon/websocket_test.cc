#include "daemon/websocket.h"

#include <doctest/doctest.h>

#include "runtime/sys/error.h"

using namespace ctr::daemon;
using ctr::sys::Error;

namespace {

// As a client sends it: masked.
std::string masked(uint8_t first, std::string_view payload) {
  std::string bytes = websocket_frame(WebSocketKind::binary, payload);
  const size_t head = bytes.size() - payload.size();
  std::string frame = bytes.substr(0, head) + std::string("\x01\x02\x03\x04", 4);
  frame[0] = static_cast<char>(first);
  frame[1] = static_cast<char>(frame[1] | 0x80);
  for (size_t i = 0; i < payload.size(); ++i)
    frame += static_cast<char>(payload[i] ^ "\x01\x02\x03\x04"[i % 4]);
  return frame;
}

}  // namespace

TEST_CASE("the handshake's answer is that of the RFC's example") {
  CHECK(websocket_accept("dGhlIHNhbXBsZSBub25jZQ==") == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
  for (const char* key : {"", "x", "dGhlIHNhbXBsZQ==", "dGhlIHNhbXBsZSBub25jZQ==\r\nX: y"})
    CHECK_THROWS_AS(websocket_accept(key), Error);
}

TEST_CASE("frames come back as they went, whatever their length and however they arrive") {
  for (size_t size : {size_t{0}, size_t{1}, size_t{125}, size_t{126}, size_t{65535}, size_t{65536},
                      WebSocketReader::payload_limit}) {
    const std::string payload(size, 'x');
    const std::string bytes = masked(0x82, payload);
    WebSocketReader reader;
    reader.feed(std::string_view(bytes).substr(0, bytes.size() - 1));
    CHECK(!reader.next());
    reader.feed(std::string_view(bytes).substr(bytes.size() - 1));
    auto frame = reader.next();
    REQUIRE(frame);
    CHECK(frame->kind == WebSocketKind::binary);
    CHECK(frame->payload == payload);
    CHECK(!reader.next());
  }
}

TEST_CASE("several frames in one piece are all found, and pieces of a message are frames") {
  WebSocketReader reader;
  reader.feed(masked(0x01, "ab") + masked(0x80, "cd") + masked(0x88, ""));
  CHECK(reader.next()->payload == "ab");
  CHECK(reader.next()->kind == WebSocketKind::continuation);
  CHECK(reader.next()->kind == WebSocketKind::close);
}

TEST_CASE("what the protocol does not allow is refused") {
  const auto refused = [](std::string bytes) {
    WebSocketReader reader;
    reader.feed(bytes);
    CHECK_THROWS_AS(reader.next(), Error);
  };
  refused(websocket_frame(WebSocketKind::binary, "not masked"));
  refused(masked(0x83, "unknown kind"));
  refused(masked(0xc2, "reserved bit"));
  refused(masked(0x09, "a ping in pieces"));
  refused(masked(0x89, std::string(126, 'x')));  // a ping that is too long
  refused(std::string("\x82\xff\xff\xff\xff\xff\xff\xff\xff\xff", 10) + "mask");  // 2^64 - 1 bytes
  refused(masked(0x82, std::string(WebSocketReader::payload_limit + 1, 'x')));
}
