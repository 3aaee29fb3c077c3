// The keys that leave a container without ending it: "ctrl-p,ctrl-q". The daemon's side acts on
// them; the client only has to know that the stream ended because of them.
#pragma once

#include <string>
#include <string_view>

namespace ctr::cli {

inline constexpr std::string_view default_detach_keys = "ctrl-p,ctrl-q";

// The bytes that the keys send: "ctrl-a", "ctrl-@", "ctrl-[", "DEL" or one character, between
// commas. Throws sys::Error{invalid_argument}.
std::string parse_detach_keys(std::string_view text);

class DetachMatcher {
 public:
  explicit DetachMatcher(std::string keys) : keys_(std::move(keys)) {}

  // True from the moment the whole sequence was typed.
  bool feed(std::string_view typed);

 private:
  std::string keys_;
  size_t matched_ = 0;
};

}  // namespace ctr::cli
