#include <doctest/doctest.h>

#include "image/registry_auth.h"
#include "runtime/sys/error.h"

using namespace ctr;
using namespace ctr::image;

TEST_CASE("a challenge is a scheme and its parameters") {
  auto challenges = parse_challenges(
      R"(Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="a:b,c")");
  REQUIRE(challenges.size() == 1);
  CHECK(challenges[0].scheme == "bearer");
  CHECK(challenges[0].parameters["realm"] == "https://auth.docker.io/token");
  CHECK(challenges[0].parameters["scope"] == "a:b,c");
}

TEST_CASE("one header may hold several challenges") {
  auto challenges = parse_challenges(R"(Negotiate, BASIC Realm = "a\"b" , Bearer realm=x, y=z)");
  REQUIRE(challenges.size() == 3);
  CHECK(challenges[1].scheme == "basic");
  CHECK(challenges[1].parameters["realm"] == "a\"b");
  CHECK(challenges[2].parameters["realm"] == "x");
  CHECK(challenges[2].parameters["y"] == "z");
}

TEST_CASE("what is no challenge yields none, and ends") {
  CHECK(parse_challenges("").empty());
  CHECK(parse_challenges(",,, ,").empty());
  CHECK(parse_challenges("realm=\"x").empty());
  CHECK_NOTHROW(parse_challenges("\"\"\"===,\\\"Bearer realm=\"\\"));
}

TEST_CASE("a token's words are escaped in its URL") {
  Challenge challenge{"bearer", {{"realm", "https://a/t"}, {"service", "x&y=z"}}};
  CHECK(token_url(challenge, "repository:a/b:pull", "") ==
        "https://a/t?service=x%26y%3Dz&scope=repository%3Aa%2Fb%3Apull");
  challenge.parameters["realm"] = "https://a/t?p=1";
  CHECK(token_url(challenge, "", "me").starts_with("https://a/t?p=1&service="));
}

TEST_CASE("a token server's answer") {
  CHECK(parse_token(R"({"token":"abc"})").text == "abc");
  CHECK(parse_token(R"({"access_token":"abc","expires_in":5})").lifetime.count() == 5);
  CHECK(parse_token(R"({"token":"abc","expires_in":-5})").lifetime.count() == 60);
  // A line end would begin another header.
  for (const char* body : {R"({"token":"a\r\nX: y"})", R"({"token":"a b"})", R"({"token":""})",
                           R"({"token":5})", "{}", "[]", "<html>", ""}) {
    CAPTURE(body);
    CHECK_THROWS_AS(parse_token(body), sys::Error);
  }
}

TEST_CASE("clients send credentials in either alphabet, padded or not") {
  // {"username":"me","password":"p>?"}
  for (const char* header : {"eyJ1c2VybmFtZSI6Im1lIiwicGFzc3dvcmQiOiJwPj8ifQ==",
                             "eyJ1c2VybmFtZSI6Im1lIiwicGFzc3dvcmQiOiJwPj8ifQ"}) {
    Credentials credentials = parse_registry_auth(header);
    CHECK(credentials.username == "me");
    CHECK(credentials.password == "p>?");
  }
  CHECK(parse_registry_auth("").empty());
  CHECK(parse_registry_auth("e30=").empty());
  CHECK(parse_credentials(R"({"auth":"bWU6c2VjcmV0"})").password == "secret");
  CHECK(basic_authorization({"me", "secret", "", ""}) == "Basic bWU6c2VjcmV0");
}

TEST_CASE("malformed credentials are refused without being quoted (N13, N12)") {
  for (const char* header : {"!!!", "c2VjcmV0", "eyJ1c2VybmFtZSI6NX0="}) {
    CAPTURE(header);
    try {
      parse_registry_auth(header);
      FAIL("accepted");
    } catch (const sys::Error& error) {
      CHECK(error.kind() == sys::ErrorKind::invalid_argument);
      CHECK(std::string(error.what()).find("secret") == std::string::npos);
    }
  }
}
