// Images made here rather than pulled: a layer from a tar, and an image from a configuration and
// layers. What commit and import do. Runs in: ctrd.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "image/content_store.h"
#include "image/image_store.h"
#include "image/layer_store.h"
#include "image/manifest.h"

namespace ctr::image {

struct BuiltLayer {
  Descriptor blob;
  Digest diff_id;
};

// Takes an uncompressed tar, a regular file read from its beginning, into both stores; there
// already is fine. `keep` as LoadOptions::keep. Throws Error{invalid_argument} for a malformed one.
BuiltLayer store_layer(int tar, ContentStore& content, LayerStore& layers,
                       const std::function<void(const Digest&)>& keep);

// Writes the configuration and a manifest over the layers. `config_text` lists their diff IDs.
NewImage store_image(const std::string& config_text, const std::vector<Descriptor>& layers,
                     ContentStore& content, const std::function<void(const Digest&)>& keep);

}  // namespace ctr::image
