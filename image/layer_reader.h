// Reads a layer's tar: libarchive's reader, restricted to tar, behind values of our own.
#pragma once

#include <functional>
#include <memory>
#include <string_view>

#include "image/layer_entry.h"

namespace ctr::image {

class LayerReader {
 public:
  // Gives the stream's next piece, which must stay valid until the next call; empty at the end.
  // What it throws comes out of next() and next_block().
  using Source = std::function<std::string_view()>;

  explicit LayerReader(Source source);
  ~LayerReader();
  LayerReader(const LayerReader&) = delete;
  LayerReader& operator=(const LayerReader&) = delete;

  // The next entry, valid until the next call; nullptr at the end of the archive. Throws
  // Error{invalid_argument} "invalid archive: …".
  const LayerEntry* next();

  // The next piece of the current file's content: `offset` never falls, and what lies between two
  // pieces is a hole. False at the end.
  struct Block {
    std::string_view data;
    uint64_t offset = 0;
  };
  bool next_block(Block& block);

  // Reads what follows the archive, so that its source comes to its end.
  void drain();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace ctr::image
