#include "cli/detach_keys.h"

#include "runtime/sys/error.h"

namespace ctr::cli {

namespace {

char parse_key(std::string_view key, std::string_view whole) {
  if (key.size() == 1) return key[0];
  if (key == "DEL") return 0x7f;
  if (key.size() == 6 && key.starts_with("ctrl-")) {
    char letter = key[5];
    if (letter >= 'a' && letter <= 'z') return static_cast<char>(letter - 'a' + 1);
    if (letter == '@' || (letter >= '[' && letter <= '_')) return static_cast<char>(letter - '@');
  }
  throw sys::Error(sys::ErrorKind::invalid_argument,
                   fmt::format("invalid detach keys '{}': unknown key '{}'; say for example "
                               "ctrl-p,ctrl-q",
                               whole, key));
}

}  // namespace

std::string parse_detach_keys(std::string_view text) {
  std::string keys;
  for (size_t begin = 0; begin <= text.size() && !text.empty();) {
    size_t end = std::min(text.find(',', begin), text.size());
    keys += parse_key(text.substr(begin, end - begin), text);
    begin = end + 1;
  }
  return keys;
}

bool DetachMatcher::feed(std::string_view typed) {
  for (char c : typed) {
    if (!keys_.empty() && matched_ == keys_.size()) break;
    if (matched_ < keys_.size() && c == keys_[matched_])
      ++matched_;
    else
      matched_ = !keys_.empty() && c == keys_[0] ? 1 : 0;
  }
  return !keys_.empty() && matched_ == keys_.size();
}

}  // namespace ctr::cli
