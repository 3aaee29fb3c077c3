#include "daemon/server/target.h"

#include <doctest/doctest.h>

#include "daemon/server/answer_head.h"
#include "runtime/sys/error.h"

using ctr::daemon::ApiVersion;
using ctr::daemon::expect_supported;
using ctr::daemon::parse_target;
using ctr::daemon::percent_decode;
using ctr::daemon::Router;
using ctr::sys::Error;

TEST_CASE("a target is path, version and query") {
  auto target = parse_target("/v1.41/containers/a%20b/json?size=1&label=a%3Db&label=c+d&x&=y&&");
  CHECK(target.path == "/containers/a b/json");
  CHECK(target.version == ApiVersion{1, 41});
  REQUIRE(target.query.size() == 5);
  CHECK(target.query[1] == std::pair<std::string, std::string>{"label", "a=b"});
  CHECK(target.query[2].second == "c d");
  CHECK(target.query[3] == std::pair<std::string, std::string>{"x", ""});
}

TEST_CASE("without a version the newest is meant") {
  auto target = parse_target("/_ping");
  CHECK_FALSE(target.version);
  CHECK(expect_supported(target) == ctr::daemon::max_api_version);
  CHECK(parse_target("/volumes/x").path == "/volumes/x");
  CHECK(parse_target("/version").path == "/version");
}

TEST_CASE("the absolute form is taken, its host ignored; other forms are not") {
  CHECK(parse_target("http://docker/v1.41/info").path == "/info");
  CHECK(parse_target("http://docker").path == "/");
  CHECK(parse_target("*").path == "*");
  for (const char* text : {"", "info", "docker:80", "\\info"}) {
    CAPTURE(text);
    CHECK_THROWS_AS(parse_target(text), Error);
  }
}

TEST_CASE("versions out of bounds have Docker's texts (P15)") {
  auto supported = [](const char* text) { return expect_supported(parse_target(text)); };
  CHECK(supported("/v1.24/info") == ApiVersion{1, 24});
  CHECK(supported("/v1.51/info") == ApiVersion{1, 51});
  CHECK_THROWS_WITH_AS(supported("/v1.12/info"),
                       "client version 1.12 is too old. Minimum supported API version is 1.24, "
                       "please upgrade your client to a newer version",
                       Error);
  CHECK_THROWS_WITH_AS(supported("/v1.52/info"),
                       "client version 1.52 is too new. Maximum supported API version is 1.51",
                       Error);
  CHECK_THROWS_AS(supported("/v1/info"), Error);
  CHECK_THROWS_AS(supported("/v2.0/info"), Error);
  CHECK_THROWS_AS(supported("/v1.99999999999999999999/info"), Error);
  CHECK_THROWS_AS(supported("/v99999999999999999999.1/info"), Error);
  CHECK(parse_target("/vx.y/info").path == "/vx.y/info");
}

TEST_CASE("broken escapes and NUL are refused (P06)") {
  for (const char* text : {"/a%", "/a%2", "/a%zz", "/a%00b", "/x?a=%", "/x?%00=1"}) {
    CAPTURE(text);
    CHECK_THROWS_AS(parse_target(text), Error);
  }
  CHECK_THROWS_WITH(percent_decode("%zz", false), "invalid URL escape \"%zz\"");
}

TEST_CASE("query values are read by Docker's rules") {
  auto target = parse_target("/x?t=5&t=6&force=False");
  CHECK(ctr::daemon::find_query(target, "t") == "5");
  CHECK(ctr::daemon::find_all_queries(target, "t").size() == 2);
  CHECK_FALSE(ctr::daemon::find_query(target, "none"));
  for (const char* no : {"", "0", "no", "False", "NONE"})
    CHECK_FALSE(ctr::daemon::parse_query_bool(no));
  for (const char* yes : {"1", "true", "x", "00"}) CHECK(ctr::daemon::parse_query_bool(yes));
  CHECK(ctr::daemon::parse_query_int("t", "-7") == -7);
  for (const char* text : {"", "x", "1x", "1.5", "9223372036854775808"})
    CHECK_THROWS_AS(ctr::daemon::parse_query_int("t", text), Error);
}

TEST_CASE("what is written into a header stays in it") {
  auto text = ctr::daemon::AnswerHead(404).add("A", "b").text();
  CHECK(text == "HTTP/1.1 404 Not Found\r\nA: b\r\n\r\n");
  CHECK_THROWS_AS(ctr::daemon::AnswerHead(200).add("A", "b\r\nC: d"), Error);
}

TEST_CASE("the table of routes prefers the literal one and knows other methods") {
  Router router;
  router.add("GET", "/images/json", [](auto&) {});
  router.add("GET", "/images/{name:*}/json", [](auto&) {});
  router.add("DELETE", "/images/{name:*}", [](auto&) {});
  router.add("GET", "/containers/{id}/json", [](auto&) {});

  CHECK(router.find("GET", "/images/json").parameters.empty());
  auto match = router.find("GET", "/images/docker.io/library/alpine:3/json");
  REQUIRE(match.handler != nullptr);
  CHECK(match.parameters[0].second == "docker.io/library/alpine:3");
  match = router.find("DELETE", "/images/json");
  CHECK(match.parameters[0] == std::pair<std::string, std::string>{"name", "json"});
  match = router.find("GET", "/images/json/json/json");
  CHECK(match.parameters[0].second == "json/json");

  CHECK(router.find("GET", "/containers/a/b/json").handler == nullptr);
  CHECK(router.find("GET", "/containers//json").handler == nullptr);
  CHECK(router.find("GET", "/containers/a/json/").handler == nullptr);
  match = router.find("POST", "/images/json");
  CHECK(match.handler == nullptr);
  CHECK(match.path_known);
  CHECK_FALSE(router.find("GET", "/nothing").path_known);
}
