// The images that this host has: their records and names (in ctr.db), over the blobs of the content
// store and the unpacked layers. An image is listed only when all of it is there: put() is the one
// commit point of a pull or a load.
// Runs in: ctrd. Thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "image/database.h"
#include "image/digest.h"
#include "image/layer_store.h"
#include "image/lease.h"
#include "runtime/sys/timestamp.h"

namespace ctr::image {

class ContentStore;

// A value: what the store knows of one image. Names are familiar ones ("alpine:latest",
// "localhost:5000/a/b:1"), as Docker's clients show them.
struct Image {
  Digest id;                              // of the configuration: what Docker calls the image ID
  Digest manifest;                        // the manifest that it came with
  std::string config_json;                // as it came, byte for byte
  std::vector<Digest> diff_ids;           // bottom layer first; may be empty
  std::vector<std::string> tags;          // "repository:tag", sorted
  std::vector<std::string> repo_digests;  // "repository@sha256:…", sorted
  sys::Timestamp created = sys::zero_time;
  sys::Timestamp last_tagged = sys::zero_time;
  uint64_t size = 0;  // sum of the unpacked layers
  std::string architecture;
  std::string os;
  std::string variant;
};

// What a pull or a load hands over. Every layer is in the layer store, every blob in the content
// store, and a Lease keeps all of them until put() returned.
struct NewImage {
  Digest manifest;
  std::string config_json;
  std::vector<Digest> diff_ids;
  std::vector<Digest>
      blobs;                // all that belongs to it: manifest, index, configuration, layers' blobs
  std::string repo_digest;  // familiar "repository@sha256:…"; empty for a loaded image
};

// A container that was made from an image.
struct ImageUse {
  std::string container_id;
  bool running = false;
};

// What only the containers' side knows. Called without any lock of the store's held.
struct ImageUsers {
  std::function<std::vector<ImageUse>(const Digest& image)> uses_of;
  // Layers that existing containers stand on, whether or not their image still exists.
  std::function<std::vector<Digest>()> layers_in_use;
};

// One line of `docker rmi`, in the order in which it happened. Exactly one member is set.
struct ImageRemoval {
  std::string untagged;  // "alpine:latest", "alpine@sha256:…"
  std::string deleted;   // "sha256:…": the image's ID, then its chain IDs, topmost first
  Digest image;          // the image that it happened to
};

struct CollectedGarbage {
  uint64_t bytes = 0;  // of blobs and layers together
  std::vector<Digest> layers;
  std::vector<Digest> blobs;
};

class ImageStore {
 public:
  ImageStore(Database& database, ContentStore& content, LayerStore& layers);

  // Records the image, durably; an image of the same ID is updated. `tag`, a familiar
  // "repository:tag" or empty, then names this image and no other. Throws Error{internal} if a
  // layer is missing.
  Image put(const NewImage& image, const std::string& tag);

  // By name ("alpine", "docker.io/library/alpine:3"), name@digest, ID ("sha256:…" or bare) or a
  // prefix of an ID. Throws Error{invalid_argument} for what cannot be a reference and for a prefix
  // of several IDs.
  std::optional<Image> find(std::string_view reference) const;
  // Throws Error{not_found} "No such image: alpine:latest" instead.
  Image get(std::string_view reference) const;
  std::optional<Image> find_by_id(const Digest& id) const;
  std::vector<Image> list() const;  // newest first

  // Names the image `reference` also `tag` (any form of a name, tag "latest" if none); returns the
  // familiar name.
  std::string tag(std::string_view reference, std::string_view tag);

  // What `docker rmi` does: a name is untagged, and the image goes with its last one. Throws
  // Error{not_found}, Error{conflict} with Docker's texts. Blobs and layers go with
  // collect_garbage().
  std::vector<ImageRemoval> remove(std::string_view reference, bool force, const ImageUsers& users);

  // Keeps what a pull, a load or a create in progress needs.
  Lease open_lease() { return leases_.open(); }

  // Removes layers and blobs that no image, no container and no lease refers to.
  CollectedGarbage collect_garbage(const ImageUsers& users);

 private:
  std::vector<Digest> unshared_chains(const Image& removed) const;

  Database& database_;
  ContentStore& content_;
  LayerStore& layers_;
  Leases leases_;
};

}  // namespace ctr::image
