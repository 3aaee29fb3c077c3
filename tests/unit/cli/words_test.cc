#include <doctest/doctest.h>

#include "cli/environment.h"
#include "cli/progress.h"
#include "cli/quantities.h"
#include "cli/reference.h"
#include "cli/registry_auth.h"

using namespace ctr::cli;

TEST_CASE("sizes: numbers with Docker's units") {
  CHECK(parse_size("512", "-m") == 512);
  CHECK(parse_size("64m", "-m") == 64 << 20);
  CHECK(parse_size("64MiB", "-m") == 64 << 20);
  CHECK(parse_size("1.5g", "-m") == 1610612736);
  CHECK(parse_size("2 kb", "-m") == 2048);
  CHECK(parse_size_or_unlimited("-1", "-m") == -1);
  for (const char* bad : {"", "m", "1x", "-5", "1mm", "1.2.3m", "99999999999p"})
    CHECK_THROWS(parse_size(bad, "-m"));
}

TEST_CASE("durations: as Go writes them") {
  CHECK(parse_duration("1m30s", "x") == 90'000'000'000);
  CHECK(parse_duration("500ms", "x") == 500'000'000);
  CHECK(parse_duration("1.5h", "x") == 5'400'000'000'000);
  CHECK(parse_duration("0", "x") == 0);
  for (const char* bad : {"", "5", "s", "-1s", "1d", "1s2"}) CHECK_THROWS(parse_duration(bad, "x"));
}

TEST_CASE("CPUs: exact to a billionth") {
  CHECK(parse_nano_cpus("1.5", "x") == 1'500'000'000);
  CHECK(parse_nano_cpus(".000000001", "x") == 1);
  CHECK(parse_nano_cpus("2", "x") == 2'000'000'000);
  for (const char* bad : {"", ".", "-1", "x", "1.0000000001"})
    CHECK_THROWS(parse_nano_cpus(bad, "x"));
}

TEST_CASE("env files: comments, blanks, Windows line ends and byte order marks") {
  Surroundings none;
  none.find_variable = [](const std::string&) { return std::nullopt; };
  CHECK(parse_env_file("\xEF\xBB\xBF"
                       "A=1\r\n\n# no\n  B= x \nC",
                       "f", none) == std::vector<std::string>{"A=1", "B= x "});
  CHECK_THROWS_WITH(parse_env_file("A B=1", "f", none),
                    "f, line 1: variable 'A B' contains whitespaces");
  CHECK_THROWS_WITH(parse_env_file("A=1\n=1", "f", none), "f, line 2: no variable name in '=1'");
}

TEST_CASE("image names: what is left out is filled in") {
  CHECK(parse_image_name("alpine").full() == "docker.io/library/alpine:latest");
  CHECK(parse_image_name("alpine").familiar() == "alpine:latest");
  CHECK(parse_image_name("library/a/b").familiar() == "a/b:latest");
  CHECK(parse_image_name("quay.io/library/a").familiar() == "quay.io/library/a:latest");
  CHECK(parse_image_name("a/b:1").full() == "docker.io/a/b:1");
  CHECK(parse_image_name("localhost:5000/x").full() == "localhost:5000/x:latest");
  CHECK(parse_image_name("ghcr.io/a/b/c:v1").full() == "ghcr.io/a/b/c:v1");
  CHECK(parse_image_name("index.docker.io/alpine").full() == "docker.io/library/alpine:latest");
  std::string digest = "sha256:" + std::string(64, 'a');
  CHECK(parse_image_name("alpine@" + digest).full() == "docker.io/library/alpine@" + digest);
  CHECK(parse_image_name("alpine:3@" + digest).version() == digest);
}

TEST_CASE("image names: what is none says so in Docker's words") {
  CHECK_THROWS_WITH(parse_image_name("Alpine"),
                    "invalid reference format: repository name (Alpine) must be lowercase");
  for (const char* bad : {"", "a b", "-a", "a--", "a:", "a:/", "a/../b", "a@sha256:12", "a___b",
                          ":x", "http://x/y", "a//b"})
    CHECK_THROWS(parse_image_name(bad));
  CHECK_NOTHROW(parse_image_name("a--b"));
  CHECK_NOTHROW(parse_image_name("a__b.c"));
}

TEST_CASE("registry credentials: the entry of the image's registry, in the daemon's form") {
  std::string config = R"({"auths":{"https://index.docker.io/v1/":{"auth":"dTpw"},
                                    "localhost:5000":{"username":"a","password":"b"}}})";
  auto header = registry_auth_header(config, "docker.io");
  REQUIRE(header);
  CHECK(decode_base64(*header) ==
        R"({"password":"p","serveraddress":"https://index.docker.io/v1/","username":"u"})");
  CHECK(registry_auth_header(config, "localhost:5000"));
  CHECK_FALSE(registry_auth_header(config, "ghcr.io"));
  CHECK_FALSE(registry_auth_header("{}", "docker.io"));
  CHECK_THROWS(registry_auth_header("[", "docker.io"));
  CHECK_THROWS(registry_auth_header(R"({"auths":{"x":{"auth":"!!"}}})", "x"));
}

TEST_CASE("base64: the URL alphabet with padding, both alphabets back") {
  CHECK(encode_base64url("\xff\xfe") == "__4=");
  CHECK(encode_base64url("abc") == "YWJj");
  CHECK(encode_base64url("") == "");
  CHECK(decode_base64("__4=") == "\xff\xfe");
  CHECK(decode_base64("//4") == "\xff\xfe");
  CHECK_FALSE(decode_base64("a b"));
}

TEST_CASE("progress: messages are read whatever is missing") {
  ProgressMessage message = parse_progress_message(
      R"({"status":"Downloading","progressDetail":{"current":5,"total":10},"id":"abc"})");
  CHECK(message.id == "abc");
  CHECK(message.current == 5);
  CHECK(message.total == 10);
  CHECK(parse_progress_message(R"({"error":"a","errorDetail":{"message":"b"}})").error == "b");
  CHECK(parse_progress_message(R"({"status":null,"progressDetail":null})").status.empty());
  CHECK_THROWS(parse_progress_message("nonsense"));
}

TEST_CASE("progress: a layer's line holds its bar and never more than the width") {
  LayerProgress layer{.id = "31e352740f53",
                      .status = "Downloading",
                      .current = 1000000,
                      .total = 4000000,
                      .downloaded = 1000000,
                      .download_size = 4000000,
                      .done = false};
  std::string line = layer_line(layer, 79);
  CHECK(line.size() <= 79);
  CHECK(line.find("31e352740f53  Downloading") == 0);
  CHECK(line.find("=>") != std::string::npos);
  CHECK(line.find("1MB/4MB") != std::string::npos);
  for (size_t width : {1, 10, 20, 40}) CHECK(layer_line(layer, width).size() <= width);
}

TEST_CASE("progress: the line over all adds up, and says how fast and how long yet") {
  LayerProgress layer{.id = "a", .status = "Downloading", .downloaded = 1000000, .download_size = 4000000};
  LayerProgress done{.id = "b", .status = "Pull complete", .downloaded = 500000, .download_size = 500000, .done = true};
  Totals totals = totals_of({layer, done});
  std::string line = overall_line(totals, 100000.0, 120);
  CHECK(line.find("1/2 layers") != std::string::npos);
  CHECK(line.find("1.5MB/4.5MB  100kB/s, 30s left") != std::string::npos);
  CHECK(overall_line(totals, std::nullopt, 120).find("/s") == std::string::npos);
  CHECK(overall_line(totals_of({done}), 100000.0, 120).find("/s") == std::string::npos);
  for (size_t width : {1, 20, 40, 79}) CHECK(overall_line(totals, 1.0, width).size() <= width);
}

TEST_CASE("progress: a rate is that of the last seconds") {
  using namespace std::chrono_literals;
  TransferRate rate;
  TransferRate::Clock::time_point start{};
  CHECK(!rate.per_second());
  rate.add(start, 0);
  rate.add(start + 100ms, 1000);
  CHECK(!rate.per_second());
  for (int i = 1; i <= 100; ++i) rate.add(start + i * 100ms, static_cast<uint64_t>(i) * 1000);
  CHECK(*rate.per_second() == doctest::Approx(10000));
  for (int i = 1; i <= 100; ++i) rate.add(start + 10s + i * 100ms, 100000);
  CHECK(*rate.per_second() == 0);
  rate.add(start + 21s, 5);  // began again
  CHECK(!rate.per_second());
}

TEST_CASE("progress: a rate and what is left, in words") {
  CHECK(rate_text(std::nullopt, 5) == "");
  CHECK(rate_text(1000.0, 0) == "1kB/s");
  CHECK(rate_text(1000.0, 59500) == "1kB/s, 1m00s left");
  CHECK(rate_text(1000.0, 3725000) == "1kB/s, 1h02m left");
  CHECK(rate_text(0.0, 100) == "0B/s");
  CHECK(rate_text(1e-9, UINT64_MAX) == "0B/s");
}
