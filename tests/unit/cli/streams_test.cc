#include <doctest/doctest.h>

#include "cli/detach_keys.h"
#include "cli/http.h"
#include "cli/stream_demux.h"
#include "runtime/sys/error.h"

using namespace ctr::cli;

namespace {

std::string frame(char type, std::string_view payload) {
  std::string text{type,
                   0,
                   0,
                   0,
                   0,
                   0,
                   static_cast<char>(payload.size() >> 8),
                   static_cast<char>(payload.size())};
  return text.append(payload);
}

struct Collected {
  std::string output;
  std::string error;
  StreamDemux demux{[this](OutputStream stream, std::string_view data) {
    (stream == OutputStream::standard_output ? output : error) += data;
  }};
};

std::string read_body(std::string_view head, std::vector<std::string> pieces) {
  ResponseHead parsed = parse_response_head(head);
  std::string first = pieces.empty() ? "" : pieces.front();
  size_t next = 1;
  BodyReader reader(parsed, first);
  auto source = [&](char* data, size_t size) -> size_t {
    if (next >= pieces.size()) return 0;
    std::string& piece = pieces[next];
    size_t taken = std::min(size, piece.size());
    std::copy_n(piece.data(), taken, data);
    piece.erase(0, taken);
    if (piece.empty()) ++next;
    return taken;
  };
  std::string body;
  char data[4096];
  while (size_t size = reader.read(data, sizeof data, source)) body.append(data, size);
  return body;
}

}  // namespace

TEST_CASE("demux: frames go to their streams, however they are cut") {
  std::string stream = frame(1, "out") + frame(2, "err") + frame(1, "") + frame(1, "more");
  for (size_t cut = 1; cut <= stream.size(); ++cut) {
    Collected collected;
    for (size_t i = 0; i < stream.size(); i += cut) collected.demux.feed(stream.substr(i, cut));
    CHECK(collected.output == "outmore");
    CHECK(collected.error == "err");
    CHECK_FALSE(collected.demux.incomplete());
  }
}

TEST_CASE("demux: what is no frame, and the daemon's own errors, are errors") {
  Collected collected;
  CHECK_THROWS_AS(collected.demux.feed("HTTP/1.1 500"), ctr::sys::Error);
  CHECK_THROWS_WITH(Collected().demux.feed(frame(3, "log is gone")),
                    "error from the daemon in the stream: log is gone");
  Collected cut;
  cut.demux.feed(frame(1, "whole").substr(0, 10));
  CHECK(cut.demux.incomplete());
}

TEST_CASE("detach keys: their names are Docker's") {
  CHECK(parse_detach_keys("ctrl-p,ctrl-q") == "\x10\x11");
  CHECK(parse_detach_keys("a,ctrl-[,ctrl-_,DEL") == "a\x1b\x1f\x7f");
  CHECK(parse_detach_keys("ctrl-@").size() == 1);
  CHECK(parse_detach_keys("").empty());
  for (const char* bad : {"ctrl-", "ctrl-Q", "strg-p", "a,,b", "ctrl-pq"})
    CHECK_THROWS_AS(parse_detach_keys(bad), ctr::sys::Error);
}

TEST_CASE("detach keys: the whole sequence counts, across reads, and nothing else") {
  DetachMatcher matcher("\x10\x11");
  CHECK_FALSE(matcher.feed("abc\x10"));
  CHECK_FALSE(matcher.feed("x\x11"));
  CHECK_FALSE(matcher.feed("\x10\x10"));
  CHECK(matcher.feed("\x11rest"));
  CHECK(matcher.feed("later"));
  CHECK_FALSE(DetachMatcher("").feed("anything"));
}

TEST_CASE("http: bodies by length, by chunks and to the end") {
  CHECK(read_body("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", {"he", "llo"}) == "hello");
  CHECK(read_body("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
                  {"3\r\nabc\r\n", "A;x=y\r\n0123", "456789\r\n0\r\nT: x\r\n\r\n"}) ==
        "abc0123456789");
  CHECK(read_body("HTTP/1.1 200 OK\r\n\r\n", {"until", " the end"}) == "until the end");
  CHECK(read_body("HTTP/1.1 204 No Content\r\n\r\n", {}) == "");
}

TEST_CASE("http: the end of a chunk is nothing to wait for") {
  ResponseHead head = parse_response_head("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
  auto nothing = [](char*, size_t) -> size_t { return 0; };
  char data[100];
  BodyReader reader(head, "3\r\nabc\r\n");
  CHECK(reader.has_buffered());
  CHECK(reader.read(data, sizeof data, nothing) == 3);
  CHECK_FALSE(reader.has_buffered());
  BodyReader more(head, "3\r\nabc\r\n2\r\nde\r\n");
  CHECK(more.read(data, sizeof data, nothing) == 3);
  CHECK(more.has_buffered());
  CHECK(more.read(data, sizeof data, nothing) == 2);
  CHECK_FALSE(more.has_buffered());
}

TEST_CASE("http: what is cut off or malformed is an error, not an end") {
  CHECK_THROWS_AS(read_body("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", {"short"}),
                  ctr::sys::Error);
  CHECK_THROWS_AS(read_body("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", {"zz\r\n"}),
                  ctr::sys::Error);
  CHECK_THROWS_AS(read_body("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", {"5\r\nab"}),
                  ctr::sys::Error);
  CHECK_THROWS_AS(parse_response_head("SSH-2.0-OpenSSH\r\n\r\n"), ctr::sys::Error);
  CHECK_THROWS_AS(find_head_end(std::string(70000, 'x')), ctr::sys::Error);
}

TEST_CASE("http: header names are found in any case") {
  ResponseHead head =
      parse_response_head("HTTP/1.1 101 UPGRADED\r\nCONTENT-Type:  a/b \r\nConnection: close\r\n");
  CHECK(head.status == 101);
  CHECK(head.header("content-type") == "a/b");
  CHECK_FALSE(head.keep_alive());
  CHECK_FALSE(head.header("upgrade"));
}
