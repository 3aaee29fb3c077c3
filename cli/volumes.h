// What -v, --mount and --tmpfs say, as the API takes it. Pure; errors are
// sys::Error{invalid_argument}.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ctr::cli {

struct VolumeArgument {
  bool anonymous = false;
  std::string text;  // "/host:/path:ro" or "name:/path" for Binds; "/path" of an anonymous volume
};
// A relative source ("./data:/data") is made absolute below `working_directory`.
VolumeArgument parse_volume(std::string_view text, std::string_view working_directory);

// "type=bind,source=/a,target=/b,readonly": an element of HostConfig.Mounts.
nlohmann::json parse_mount(std::string_view text, std::string_view working_directory);

// "/run:size=64m": {"/run", "size=64m"}.
std::pair<std::string, std::string> parse_tmpfs(std::string_view text);

// One record of comma-separated values; a field may be quoted: a,"b,c" is two.
std::vector<std::string> split_csv(std::string_view text);

}  // namespace ctr::cli
