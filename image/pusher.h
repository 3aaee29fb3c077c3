// From an image that is here to its name at a registry: the blobs that the registry lacks, then the
// manifest (distribution-spec, "push"). A blob that the registry has in another repository of the
// same user is mounted from there instead of sent. Runs in: ctrd. Thread-safe.
#pragma once

#include <functional>
#include <stop_token>
#include <string>
#include <vector>

#include "image/content_store.h"
#include "image/digest.h"
#include "image/image_store.h"
#include "image/reference.h"
#include "image/registry_client.h"

namespace ctr::image {

enum class PushPhase { preparing, already_exists, mounted, pushing, pushed };

struct PushProgress {
  Digest layer;  // the blob's
  PushPhase phase = PushPhase::preparing;
  uint64_t current = 0;  // bytes
  uint64_t total = 0;
  std::string mounted_from{};  // a repository, familiar
};

struct PushRequest {
  Reference reference;  // with a tag
  Image image;
  Credentials credentials;
  // Called on the caller's thread; may throw: that ends the push.
  std::function<void(const PushProgress&)> progress;
  std::stop_token stop;
};

struct PushedImage {
  Digest digest;      // of the manifest: what the name points to now
  uint64_t size = 0;  // of the manifest
};

// Throws Error{unauthorized} (no access, or wrong credentials), {not_found} where a blob is missing
// here, {unavailable}, Cancelled. What was sent stays at the registry and is not sent again.
PushedImage push_image(RegistryClient& client, const ContentStore& content,
                       const PushRequest& request);

}  // namespace ctr::image
