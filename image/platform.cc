#include "image/platform.h"

#include <sys/utsname.h>

#include <algorithm>
#include <array>
#include <utility>

#include "runtime/sys/error.h"

namespace ctr::image {

namespace {

struct Alias {
  std::string_view name;
  std::string_view architecture;
  std::string_view variant;
};

// What uname, Debian and users call them, beside Go's own names.
constexpr std::array aliases = {
    Alias{"x86_64", "amd64", ""}, Alias{"x86-64", "amd64", ""},  Alias{"i386", "386", ""},
    Alias{"i486", "386", ""},     Alias{"i586", "386", ""},      Alias{"i686", "386", ""},
    Alias{"x86", "386", ""},      Alias{"aarch64", "arm64", ""}, Alias{"armhf", "arm", "v7"},
    Alias{"armel", "arm", "v6"},  Alias{"armv8l", "arm", "v7"},  Alias{"armv7l", "arm", "v7"},
    Alias{"armv6l", "arm", "v6"}, Alias{"armv5l", "arm", "v5"},
};

constexpr std::array<std::string_view, 14> architectures = {
    "amd64", "386",      "arm64",  "arm",    "ppc64le", "ppc64",   "s390x",
    "mips",  "mips64le", "mips64", "mipsle", "riscv64", "loong64", "wasm"};
constexpr std::array<std::string_view, 7> systems = {"linux",  "windows", "darwin", "freebsd",
                                                     "netbsd", "openbsd", "wasip1"};

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return result;
}

template <class Names>
bool contains(const Names& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

bool is_word(std::string_view text) {
  return !text.empty() && text.size() <= 32 && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '.';
  });
}

std::vector<std::string> split(std::string_view text) {
  std::vector<std::string> parts;
  while (true) {
    size_t slash = text.find('/');
    parts.push_back(lower(text.substr(0, slash)));
    if (slash == std::string_view::npos) return parts;
    text.remove_prefix(slash + 1);
  }
}

// The variants of one architecture that a processor of the first one also runs.
std::vector<std::string> variants_down_from(const Platform& platform) {
  static constexpr std::array<std::string_view, 4> arm = {"v8", "v7", "v6", "v5"};
  static constexpr std::array<std::string_view, 4> amd64 = {"v4", "v3", "v2", ""};
  const auto down = [&](const auto& names) {
    auto start = std::find(names.begin(), names.end(), platform.variant);
    if (start == names.end()) return std::vector<std::string>{platform.variant};
    return std::vector<std::string>(start, names.end());
  };
  if (platform.architecture == "arm") return down(arm);
  if (platform.architecture == "amd64") return down(amd64);
  if (platform.architecture == "arm64" && !platform.variant.empty()) return {platform.variant, ""};
  return {platform.variant};
}

}  // namespace

Platform normalize_platform(Platform platform) {
  platform.os = lower(platform.os);
  if (platform.os == "macos") platform.os = "darwin";
  platform.architecture = lower(platform.architecture);
  platform.variant = lower(platform.variant);
  for (const Alias& alias : aliases) {
    if (alias.name != platform.architecture) continue;
    platform.architecture = alias.architecture;
    if (platform.variant.empty()) platform.variant = alias.variant;
    break;
  }
  std::string& variant = platform.variant;
  if (!variant.empty() && variant[0] >= '0' && variant[0] <= '9') variant = "v" + variant;
  if (platform.architecture == "arm64" && variant == "v8") variant.clear();
  if (platform.architecture == "amd64" && variant == "v1") variant.clear();
  if (platform.architecture == "arm" && variant.empty()) variant = "v7";
  return platform;
}

Platform parse_platform(std::string_view text) {
  const std::vector<std::string> parts = split(text);
  const auto invalid = [&](std::string_view why) {
    return sys::Error(sys::ErrorKind::invalid_argument,
                      fmt::format("invalid platform '{}': {}", text.substr(0, 100), why));
  };
  if (parts.size() > 3) throw invalid("want os/architecture[/variant]");
  for (const std::string& part : parts)
    if (!is_word(part)) throw invalid("want os/architecture[/variant]");
  if (parts.size() > 1)
    return normalize_platform({parts[0], parts[1], parts.size() > 2 ? parts[2] : ""});

  Platform host = host_platform();
  if (contains(systems, parts[0]) || parts[0] == "macos")
    return normalize_platform({parts[0], host.architecture, host.variant});
  Platform platform = normalize_platform({host.os, parts[0], ""});
  if (!contains(architectures, platform.architecture))
    throw invalid("neither an operating system nor an architecture that is known");
  return platform;
}

std::string platform_text(const Platform& platform) {
  std::string text = platform.os + "/" + platform.architecture;
  if (!platform.variant.empty()) text += "/" + platform.variant;
  return text;
}

Platform host_platform() {
  struct utsname name {};
  sys::check(::uname(&name), "uname");
  return normalize_platform({"linux", name.machine, ""});
}

std::vector<Platform> acceptable_platforms(const Platform& wanted, Compatibility compatibility) {
  const Platform first = normalize_platform(wanted);
  std::vector<Platform> acceptable;
  for (const std::string& variant : variants_down_from(first))
    acceptable.push_back({first.os, first.architecture, variant});
  if (compatibility == Compatibility::same_architecture) return acceptable;
  if (first.architecture == "amd64") acceptable.push_back({first.os, "386", ""});
  if (first.architecture == "arm64")
    for (std::string variant : {"v8", "v7", "v6", "v5"})
      acceptable.push_back({first.os, "arm", variant});
  return acceptable;
}

std::optional<size_t> find_best_platform(const std::vector<std::optional<Platform>>& offered,
                                         const std::vector<Platform>& acceptable) {
  for (const Platform& platform : acceptable)
    for (size_t i = 0; i < offered.size(); ++i)
      if (offered[i] && normalize_platform(*offered[i]) == platform) return i;
  return std::nullopt;
}

}  // namespace ctr::image
