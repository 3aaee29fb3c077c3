// Which words may stand where the cursor is: `ctr __complete` answers a shell's completion with
// them. Pure; names of containers and images are the caller's to fetch.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ctr::cli {

enum class ObjectNames {
  none,
  containers,
  running_containers,
  images,
  containers_and_images,
  networks,
  volumes
};

struct Completion {
  std::vector<std::string> words;           // that begin with what is typed
  ObjectNames objects = ObjectNames::none;  // whose names may stand there as well
};

// `words` behind "ctr"; the last is the one at the cursor, perhaps empty.
Completion complete(const std::vector<std::string>& words);

// The shell's own part: "bash", "zsh" or "fish"; nullopt for others.
std::optional<std::string_view> find_completion_script(std::string_view shell);

}  // namespace ctr::cli
