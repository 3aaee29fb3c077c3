// From a name to an image whose every byte is here: resolves the name at its registry, chooses the
// platform, fetches the configuration and the layers (several at a time, each unpacked as it
// arrives), verifies all of it. It records nothing: the caller names the image when pull() has
// returned, and until then nobody sees it.
// Runs in: ctrd. Thread-safe: pulls at the same time share downloads.
#pragma once

#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "image/content_store.h"
#include "image/image_config.h"
#include "image/layer_store.h"
#include "image/manifest.h"
#include "image/manifest_fetch.h"
#include "image/pull_progress.h"
#include "image/reference.h"
#include "image/registry_client.h"
#include "image/shared_jobs.h"

namespace ctr::image {

struct PullRequest {
  Reference reference;               // with a tag or a digest
  std::optional<Platform> platform;  // the host's, and what its processor runs, if not given
  Credentials credentials;
  // Called with each digest (of a blob or a layer) before it is looked for: a garbage collector
  // spares it from then on (Lease::keep).
  std::function<void(const Digest&)> keep;
  // Both are called on the caller's thread, and may throw: that ends the pull.
  std::function<void(const Digest&)> resolved;  // once, when the name is found: the name's digest
  std::function<void(const LayerProgress&)> progress;
  std::stop_token stop;  // ends the pull within about a second, with Cancelled (registry_error.h)
};

// All of it durable.
struct PulledImage {
  Reference reference;
  Digest digest;         // what the name points to, an index or the manifest: the repo digest
  Descriptor manifest;   // of this platform
  Digest config_digest;  // the image's ID
  ImageConfig config;    // .text as it came, .diff_ids the lowest first
  std::vector<Digest>
      blobs;          // all that belongs to it: index, manifest, configuration, layers' blobs
  uint64_t size = 0;  // sum of the unpacked layers
};

class Puller {
 public:
  // Keeps the references.
  Puller(RegistryClient& client, ContentStore& content, LayerStore& layers);

  // Throws Error{not_found} (no such image, or not for this platform, or no access),
  // {unauthorized}, {invalid_argument} (the image is not what it claims to be), {unsupported},
  // {unavailable} (the registry fails or cannot be reached), Cancelled. What came is kept for the
  // next try.
  PulledImage pull(const PullRequest& request);

  // The digest and document that a name points to, for `GET /distribution/…`: nothing is stored.
  using Resolved = NamedManifest;
  Resolved resolve(const Reference& reference, const Credentials& credentials,
                   std::stop_token stop);

 private:
  friend class Pull;
  RegistryClient& client_;
  ContentStore& content_;
  LayerStore& layers_;
  // Apart, so that a small configuration never waits behind another pull's layers.
  SharedJobs config_jobs_;
  SharedJobs layer_jobs_;
};

}  // namespace ctr::image
