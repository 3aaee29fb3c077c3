// The keys that end an attached session: "ctrl-p,ctrl-q". Pure.
#pragma once

#include <string>
#include <string_view>

namespace ctr::runtime {

// "ctrl-p,ctrl-q" → "\x10\x11". Throws Error{invalid_argument} naming the key.
std::string parse_detach_keys(std::string_view text);

// Looks for the sequence in a client's input, across reads.
class DetachScanner {
 public:
  explicit DetachScanner(std::string sequence) : sequence_(std::move(sequence)) {}
  // Appends what is to be passed on to `output`; true once the sequence was typed. A beginning of
  // the sequence is held back until it is clear whether the rest follows.
  bool scan(std::string_view input, std::string& output);

 private:
  std::string sequence_;
  size_t matched_ = 0;
};

}  // namespace ctr::runtime
