#include "daemon/images.h"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "daemon/api/registry_auth.h"
#include "daemon/image_search.h"
#include "daemon/pull_messages.h"
#include "runtime/sys/error.h"

using namespace ctr::daemon;
using ctr::image::Digest;
using ctr::image::LayerProgress;
using ctr::image::PullPhase;
using nlohmann::json;

namespace {

const Digest layer = ctr::image::Sha256::of("layer");

ImageFacts facts(std::vector<std::string> tags, std::map<std::string, std::string> labels = {}) {
  ImageFacts facts;
  facts.image.tags = std::move(tags);
  facts.image.created = *ctr::sys::parse_timestamp("2024-05-01T00:00:00Z");
  facts.labels = std::move(labels);
  return facts;
}

bool matches(const char* filters, const ImageFacts& image) {
  return image_matches(Filters::parse(filters), image);
}

}  // namespace

TEST_CASE("progress has Docker's fields, and its text for old clients") {
  PullMessages messages;
  auto text = messages.message({layer, PullPhase::downloading, 32768, 3401613}, {});
  REQUIRE(text);
  CHECK(text->ends_with("\r\n"));
  json message = json::parse(*text);
  CHECK(message["status"] == "Downloading");
  CHECK(message["progressDetail"] == json{{"current", 32768}, {"total", 3401613}});
  CHECK(message["id"] == layer.hex().substr(0, 12));
  CHECK(message["progress"] ==
        "[>                                                  ]  32.77kB/3.402MB");
  message = json::parse(*messages.message({layer, PullPhase::pull_complete, 0, 0}, {}));
  CHECK(message["status"] == "Pull complete");
  CHECK(message["progressDetail"] == json::object());
  CHECK_FALSE(message.contains("progress"));
  message = json::parse(*messages.message({layer, PullPhase::retrying, 1, 0}, {}));
  CHECK(message["status"] == "Retrying in 1 second");
}

TEST_CASE("the bar is Docker's") {
  CHECK(progress_text(0, 0).empty());
  CHECK(progress_text(1500, 0) == "   1.5kB");
  CHECK(progress_text(50, 100) ==
        "[" + std::string(25, '=') + ">" + std::string(25, ' ') + "]      50B/100B");
  CHECK(progress_text(100, 100) == "[" + std::string(50, '=') + ">]     100B/100B");
  CHECK(progress_text(200, 100) == "[" + std::string(50, '=') + ">]     200B");
}

TEST_CASE("progress that nobody can read is left out, its end is not") {
  PullMessages messages;
  PullMessages::Clock::time_point now{};
  CHECK(messages.message({layer, PullPhase::downloading, 1, 10}, now));
  CHECK_FALSE(messages.message({layer, PullPhase::downloading, 2, 10}, now));
  CHECK(messages.message({layer, PullPhase::downloading, 3, 10}, now + PullMessages::interval));
  CHECK(messages.message({layer, PullPhase::downloading, 10, 10}, now + PullMessages::interval));
  CHECK(messages.message({layer, PullPhase::download_complete, 0, 0}, now));
}

TEST_CASE("failures are told in both forms") {
  json message = json::parse(error_message("no \"way\""));
  CHECK(message["errorDetail"]["message"] == "no \"way\"");
  CHECK(message["error"] == "no \"way\"");
}

TEST_CASE("images are chosen by name, label, age, and whether they have a name") {
  ImageFacts image = facts({"alpine:3.20", "localhost:5000/team/app:1"}, {{"tier", "front"}});
  for (const char* pattern : {"alpine", "alpine:3.20", "alpine:3*", "alp*", "*:3.20",
                              "localhost:5000/team/app", "localhost:5000/*/app:1"}) {
    CAPTURE(pattern);
    CHECK(reference_matches(pattern, image.image));
  }
  for (const char* pattern : {"alpin", "alpine:3", "app", "team/app", "*/app"}) {
    CAPTURE(pattern);
    CHECK_FALSE(reference_matches(pattern, image.image));
  }
  CHECK(matches(R"({"reference": ["nosuch", "alpine"]})", image));
  CHECK(matches(R"({"label": ["tier=front"]})", image));
  CHECK_FALSE(matches(R"({"label!": ["tier"]})", image));
  CHECK(matches(R"({"label!": ["tier=back"]})", image));
  CHECK(matches(R"({"dangling": ["false"]})", image));
  CHECK_FALSE(matches(R"({"dangling": ["true"]})", image));
  CHECK(matches(R"({"dangling": ["1"]})", facts({})));
  CHECK(matches(R"({"until": ["2024-06-01T00:00:00Z"]})", image));
  CHECK_FALSE(matches(R"({"until": ["2024-04-01T00:00:00Z"]})", image));
}

TEST_CASE("credentials come in either alphabet, padded or not, or not at all (N13)") {
  CHECK(parse_registry_auth("eyJ1c2VybmFtZSI6InUiLCJwYXNzd29yZCI6InA_fj8ifQ==").password == "p?~?");
  CHECK(parse_registry_auth("eyJ1c2VybmFtZSI6InUiLCJwYXNzd29yZCI6InA/fj8ifQ").username == "u");
  for (const char* header : {"", "e30=", "%%%", "e", "bnVsbA", "W10=", "eyJ1c2VybmFtZSI6MX0"}) {
    CAPTURE(header);
    CHECK(parse_registry_auth(header).username.empty());
  }
}

TEST_CASE("what the hub found is filtered") {
  const std::string answer = R"({"results": [
      {"name": "alpine", "description": "d", "star_count": 10, "is_official": true},
      {"name": "x/alpine", "star_count": 1, "is_automated": true}]})";
  CHECK(search_results(answer, {}).size() == 2);
  CHECK(search_results(answer, Filters::parse(R"({"is-official": ["true"]})"))[0]["name"] ==
        "alpine");
  CHECK(search_results(answer, Filters::parse(R"({"stars": ["5"]})")).size() == 1);
  CHECK_THROWS_AS(search_results(answer, Filters::parse(R"({"stars": ["x"]})")), ctr::sys::Error);
  CHECK_THROWS_AS(search_results("<html>", {}), ctr::sys::Error);
}
