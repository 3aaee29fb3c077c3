// The unpacked layers: <data-root>/layers/<diff-id hex>/, one directory each, which holds the tree
// as diff/, in overlayfs's own form (whiteouts are character devices 0:0, opaque directories carry
// trusted.overlay.opaque=y), and its size. They are unpacked in parallel because none needs its
// parent. Crash-only: a layer is unpacked below layers/tmp-…, synced, and made visible by one
// rename; what a crash leaves as tmp-… is removed at the next start. Removed layers go through
// layers/trash/. Runs in: ctrd. Thread-safe: any number of unpackers at once.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "image/digest.h"

namespace ctr::image {

struct UnpackedLayer {
  Digest diff_id;     // of the uncompressed tar, every byte of it
  uint64_t size = 0;  // sum of the regular files' bytes: what `docker images` adds up
};

class LayerStore;
class Trash;

// One layer on its way in: takes the blob's bytes as they arrive, in any pieces; finds out the
// compression by itself (plain, gzip with any number of members, zstd, xz, bzip2); inflates, digests and
// writes files on threads of its own behind bounded queues. Destroyed without commit(), it leaves
// nothing.
class LayerUnpacker {
 public:
  ~LayerUnpacker();
  LayerUnpacker(const LayerUnpacker&) = delete;
  LayerUnpacker& operator=(const LayerUnpacker&) = delete;

  // Blocks while the pipeline is full. Throws the pipeline's Error as soon as there is one
  // (invalid archive: ErrorKind::invalid_argument; "no space left on device" …).
  void write(std::string_view compressed);
  // Waits for the end, compares the diff ID, syncs and makes the layer visible. Throws
  // Error{invalid_argument} "layer sha256:… does not match its diff ID sha256:…".
  UnpackedLayer commit();

  struct Pipeline;

 private:
  friend class LayerStore;
  explicit LayerUnpacker(std::unique_ptr<Pipeline> pipeline);
  std::unique_ptr<Pipeline> pipeline_;
};

class LayerStore {
 public:
  // `directory` is <data-root>/layers; made if missing (0700), left-overs of a crash removed.
  explicit LayerStore(std::string directory);
  ~LayerStore();
  LayerStore(const LayerStore&) = delete;
  LayerStore& operator=(const LayerStore&) = delete;

  std::optional<UnpackedLayer> find(const Digest& diff_id) const;
  std::string path(const Digest& diff_id) const;  // the tree's directory; need not exist
  std::unique_ptr<LayerUnpacker> unpack(const Digest& expected_diff_id);
  // Renamed away at once, deleted behind. Missing is fine.
  void remove(const Digest& diff_id);
  std::vector<Digest> list() const;

 private:
  friend struct LayerUnpacker::Pipeline;
  std::string home(const Digest& diff_id) const;
  void publish(const std::string& temporary, const Digest& diff_id);

  std::string directory_;
  std::unique_ptr<Trash> trash_;
};

}  // namespace ctr::image
