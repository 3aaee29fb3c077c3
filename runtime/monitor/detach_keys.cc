#include "runtime/monitor/detach_keys.h"

#include "runtime/sys/error.h"

namespace ctr::runtime {

namespace {

char parse_key(std::string_view key) {
  if (key.size() == 1) return key[0];
  if (key.size() == 6 && key.substr(0, 5) == "ctrl-") {
    char c = key[5];
    if (c >= 'a' && c <= 'z') return static_cast<char>(c - 'a' + 1);
    if (c == '@') return 0;
    if (c >= '[' && c <= '_') return static_cast<char>(c - '[' + 27);
  }
  throw sys::Error(sys::ErrorKind::invalid_argument, fmt::format("invalid detach key '{}'", key));
}

}  // namespace

std::string parse_detach_keys(std::string_view text) {
  std::string sequence;
  while (!text.empty()) {
    size_t comma = text.find(',');
    sequence += parse_key(text.substr(0, comma));
    text.remove_prefix(comma == std::string_view::npos ? text.size() : comma + 1);
  }
  return sequence;
}

bool DetachScanner::scan(std::string_view input, std::string& output) {
  if (sequence_.empty()) {
    output += input;
    return false;
  }
  for (char c : input) {
    if (c == sequence_[matched_]) {
      if (++matched_ == sequence_.size()) {
        matched_ = 0;
        return true;
      }
      continue;
    }
    output.append(sequence_, 0, matched_);
    matched_ = 0;
    if (c == sequence_[0])
      matched_ = 1;
    else
      output += c;
  }
  return false;
}

}  // namespace ctr::runtime
