// Writes images as one tar that both an OCI layout's and a `docker save`'s readers understand:
// blobs by digest, index.json and oci-layout (image-spec, image-layout.md), manifest.json with the
// same blobs. Runs in: ctrd.
#pragma once

#include <string>
#include <vector>

#include "image/content_store.h"
#include "image/image_store.h"
#include "image/tree_archive.h"

namespace ctr::image {

struct ImageToSave {
  Image image;
  std::vector<std::string> tags;  // familiar; none: it is saved without a name
};

// `keep` as LoadOptions::keep. Throws Error{not_found} where a blob is missing, before anything is
// written.
void save_images(const std::vector<ImageToSave>& images, const ContentStore& content,
                 const std::function<void(const Digest&)>& keep, const TreeArchive::Sink& sink);

}  // namespace ctr::image
