// Images that were installed with the engine, for hosts that reach no registry: a directory of OCI
// layouts (image-spec, image-layout.md), each with one image for this platform, whose full name its
// index.json has as "org.opencontainers.image.ref.name". Verified like any other image.
// Runs in: ctrd. Thread-safe.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "image/content_store.h"
#include "image/image_store.h"
#include "image/layer_store.h"
#include "image/manifest.h"
#include "image/reference.h"

namespace ctr::daemon {

class EmbeddedImages {
 public:
  // `directory` may be empty or missing: then there are none.
  explicit EmbeddedImages(std::string directory) : directory_(std::move(directory)) {}

  // The layout that has this very name; a digest is never found here.
  std::optional<std::string> find_layout(const image::Reference& reference) const;

  // Takes the image of a layout into the stores. `keep` is called with each digest before it is
  // looked for (Lease::keep). Throws Error{invalid_argument} for a layout that is damaged.
  static image::NewImage load(const std::string& layout, const image::Reference& reference,
                              image::ContentStore& content, image::LayerStore& layers,
                              const std::function<void(const image::Digest&)>& keep);

 private:
  std::string directory_;
};

}  // namespace ctr::daemon
