// What a pull says while it runs. Plain values; the daemon makes Docker's messages of them.
#pragma once

#include <cstdint>
#include <string_view>

#include "image/digest.h"

namespace ctr::image {

enum class PullPhase {
  pulling_fs_layer,  // the layer is known and wanted
  waiting,           // for a free worker
  already_exists,
  downloading,  // current, total: bytes
  retrying,     // current: seconds until the next try
  verifying_checksum,
  download_complete,
  extracting,  // the rest, after the last byte: unpacking goes on while bytes arrive
  pull_complete,
};

// Docker's words: "Pulling fs layer", "Downloading" …
std::string_view phase_text(PullPhase phase);

struct LayerProgress {
  Digest layer;  // the blob's; clients show the first twelve digits
  PullPhase phase = PullPhase::waiting;
  uint64_t current = 0;
  uint64_t total = 0;
};

}  // namespace ctr::image
