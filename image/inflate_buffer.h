// The output side that all inflaters share: a buffer that decompressors write into, handed on when
// full.
#pragma once

#include <string>
#include <utility>

#include "image/inflate.h"

namespace ctr::image {

class InflateBuffer {
 public:
  explicit InflateBuffer(Inflater::Sink sink) : sink_(std::move(sink)) {}

  // Where the next bytes go, and how many fit: never none.
  char* space() {
    if (piece_.empty()) piece_.resize(inflated_piece_size);
    return piece_.data() + used_;
  }
  size_t room() const { return inflated_piece_size - used_; }
  void advance(size_t count) {
    used_ += count;
    if (used_ == inflated_piece_size) flush();
  }
  void flush() {
    if (used_ == 0) return;
    piece_.resize(used_);
    used_ = 0;
    sink_(std::exchange(piece_, {}));
  }

 private:
  Inflater::Sink sink_;
  std::string piece_;
  size_t used_ = 0;
};

}  // namespace ctr::image
