// Operating system, architecture and variant of an image, in the words that OCI takes from Go
// ("linux/arm64", "linux/arm/v7"), and the choice among the images of an index. Pure, but for
// host_platform().
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ctr::image {

// Always in normal form when it comes from here: "x86_64" is amd64, arm64's v8 is left out, arm
// without a variant is v7.
struct Platform {
  std::string os;
  std::string architecture;
  std::string variant;

  bool operator==(const Platform&) const = default;
};

Platform normalize_platform(Platform platform);

// "linux/arm64/v8", "arm64" (this host's system), "linux" (this host's architecture). Throws
// Error{invalid_argument} for anything else.
Platform parse_platform(std::string_view text);

// "linux/arm/v7".
std::string platform_text(const Platform& platform);

// What this kernel runs.
Platform host_platform();

enum class Compatibility {
  same_architecture,  // what a user asked for by name: other variants of it at most
  what_the_cpu_runs,  // also 32-bit programs on a 64-bit processor
};

// What may run where `wanted` was asked for, best first: linux/arm/v7 also takes v6 and v5.
std::vector<Platform> acceptable_platforms(const Platform& wanted, Compatibility compatibility);

// The position of the best entry, the first of several equal ones; entries without a platform count
// as no match.
std::optional<size_t> find_best_platform(const std::vector<std::optional<Platform>>& offered,
                                         const std::vector<Platform>& acceptable);

}  // namespace ctr::image
