#include <doctest/doctest.h>

#include "image/reference.h"
#include "runtime/sys/error.h"

using namespace ctr;
using namespace ctr::image;

namespace {
const std::string digest = "sha256:" + std::string(64, 'a');
}

TEST_CASE("short names are completed as Docker does it") {
  CHECK(parse_reference("alpine").text() == "docker.io/library/alpine:latest");
  CHECK(parse_reference("alpine:3.20").text() == "docker.io/library/alpine:3.20");
  CHECK(parse_reference("owner/app").text() == "docker.io/owner/app:latest");
  CHECK(parse_reference("docker.io/alpine").text() == "docker.io/library/alpine:latest");
  CHECK(parse_reference("index.docker.io/alpine").text() == "docker.io/library/alpine:latest");
  CHECK(parse_reference("localhost/app").text() == "localhost/app:latest");
  CHECK(parse_reference("localhost:5000/app").text() == "localhost:5000/app:latest");
  CHECK(parse_reference("ghcr.io/a/b/c:1").text() == "ghcr.io/a/b/c:1");
  CHECK(parse_reference("[::1]:5000/app").text() == "[::1]:5000/app:latest");
  CHECK(parse_reference("HOST/app").domain == "HOST");
}

TEST_CASE("a tag is told from a port") {
  CHECK(parse_reference("host.example:5000/app").tag == "latest");
  CHECK(parse_reference("host:5000").path == "library/host");
  CHECK(parse_reference("host:5000").tag == "5000");
}

TEST_CASE("a digest needs no tag, and both may be there") {
  Reference by_digest = parse_reference("alpine@" + digest);
  CHECK(by_digest.tag.empty());
  CHECK(by_digest.tag_or_digest() == digest);
  CHECK(by_digest.text() == "docker.io/library/alpine@" + digest);
  Reference both = parse_reference("localhost:5000/app:1@" + digest);
  CHECK(both.tag == "1");
  CHECK(both.tag_or_digest() == digest);
  CHECK(both.familiar() == "localhost:5000/app:1@" + digest);
  CHECK(parse_reference_as_written("alpine").tag.empty());
}

TEST_CASE("the familiar form is what Docker shows, and reads as the same image") {
  for (const char* text : {"alpine:latest", "owner/app:1", "localhost:5000/app:1", "ghcr.io/a/b:1"})
    CHECK(parse_reference(text).familiar() == text);
  CHECK(parse_reference("docker.io/library/alpine").familiar_name() == "alpine");
  for (const char* text : {"docker.io/a.b/c", "docker.io/localhost/c", "docker.io/library/a/b"}) {
    Reference reference = parse_reference(text);
    CHECK(parse_reference(reference.familiar()) == reference);
  }
}

TEST_CASE("what is no reference is refused (N11)") {
  const std::string long_name(256, 'a');
  for (const std::string& text : {std::string(),
                                  std::string("/"),
                                  std::string("../etc"),
                                  std::string("a/../b"),
                                  std::string("a//b"),
                                  std::string("a/"),
                                  std::string("/a"),
                                  std::string("Alpine"),
                                  std::string("a b"),
                                  std::string("a\n"),
                                  std::string("a:"),
                                  std::string("a:-x"),
                                  std::string("a:b:c"),
                                  std::string("-a"),
                                  std::string("a-"),
                                  std::string("a..b"),
                                  std::string("a___b"),
                                  std::string("a._b"),
                                  std::string("host:99999/x"),
                                  std::string("host:0/x"),
                                  std::string("-host.example/x"),
                                  std::string("ho_st.example/x"),
                                  std::string("\xc3\xa4"),
                                  std::string("a@b"),
                                  "a@" + digest + "@" + digest,
                                  "a@sha512:" + std::string(64, 'a'),
                                  "@" + digest,
                                  std::string(64, 'a'),
                                  long_name,
                                  "a:" + std::string(129, 'a'),
                                  std::string("https://host/x"),
                                  std::string("u@host.x/a"),
                                  std::string("[::1/x"),
                                  std::string("a\0b", 3)}) {
    CAPTURE(text);
    CHECK_THROWS_AS(parse_reference(text), sys::Error);
  }
  CHECK_NOTHROW(parse_reference("a__b/c--d.e:" + std::string(128, 'x')));
}

TEST_CASE("the errors are those that clients know") {
  CHECK_THROWS_WITH(parse_reference("Alpine"),
                    "invalid reference format: repository name must be lowercase: 'Alpine'");
  CHECK_THROWS_WITH(parse_reference("a b"), "invalid reference format: 'a b'");
}
