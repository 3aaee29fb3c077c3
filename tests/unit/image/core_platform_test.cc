#include <doctest/doctest.h>

#include "image/platform.h"
#include "runtime/sys/error.h"

using namespace ctr;
using namespace ctr::image;

TEST_CASE("platforms have one normal form") {
  CHECK(platform_text(parse_platform("linux/amd64")) == "linux/amd64");
  CHECK(platform_text(parse_platform("Linux/x86_64")) == "linux/amd64");
  CHECK(platform_text(parse_platform("linux/aarch64")) == "linux/arm64");
  CHECK(platform_text(parse_platform("linux/arm64/v8")) == "linux/arm64");
  CHECK(platform_text(parse_platform("linux/arm")) == "linux/arm/v7");
  CHECK(platform_text(parse_platform("linux/arm/6")) == "linux/arm/v6");
  CHECK(platform_text(parse_platform("linux/armel")) == "linux/arm/v6");
  CHECK(platform_text(parse_platform("linux/amd64/v1")) == "linux/amd64");
}

TEST_CASE("half a platform is completed with the host's other half") {
  CHECK(parse_platform("arm64") == Platform{"linux", "arm64", ""});
  CHECK(parse_platform("linux") == host_platform());
}

TEST_CASE("what is no platform is refused") {
  for (const char* text : {"", "/", "linux/", "linux//v7", "a/b/c/d", "nonsense", "linux/a b"}) {
    CAPTURE(text);
    CHECK_THROWS_AS(parse_platform(text), sys::Error);
  }
}

namespace {
std::optional<size_t> choose(const char* wanted, std::vector<std::optional<Platform>> offered,
                             Compatibility compatibility = Compatibility::same_architecture) {
  return find_best_platform(offered, acceptable_platforms(parse_platform(wanted), compatibility));
}
}  // namespace

TEST_CASE("the best variant wins, whatever the order") {
  CHECK(choose("linux/arm/v7", {{{"linux", "arm", "v5"}}, {{"linux", "arm", "v6"}}}) == 1);
  CHECK(choose("linux/arm/v6", {{{"linux", "arm", "v7"}}}) == std::nullopt);
  CHECK(choose("linux/amd64/v3", {{{"linux", "amd64", ""}}, {{"linux", "amd64", "v2"}}}) == 1);
  CHECK(choose("linux/amd64", {{{"linux", "amd64", "v2"}}}) == std::nullopt);
  CHECK(choose("linux/arm64", {{{"linux", "arm64", "v8"}}}) == 0);
  CHECK(choose("linux/amd64", {std::nullopt, {{"windows", "amd64", ""}}}) == std::nullopt);
}

TEST_CASE("32-bit programs are a last resort, and none for who asked for 64 bits") {
  std::vector<std::optional<Platform>> offered = {{{"linux", "386", ""}}};
  CHECK(choose("linux/amd64", offered) == std::nullopt);
  CHECK(choose("linux/amd64", offered, Compatibility::what_the_cpu_runs) == 0);
  offered.push_back({{"linux", "amd64", ""}});
  CHECK(choose("linux/amd64", offered, Compatibility::what_the_cpu_runs) == 1);
}
