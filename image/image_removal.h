// What `docker rmi` does to an image's names and to the image, decided by Docker's rules. Pure.
#pragma once

#include <string>
#include <vector>

#include "image/image_store.h"

namespace ctr::image {

struct RemovalRequest {
  Image image;
  std::string written;  // as the user wrote it: for messages
  // The familiar name that was found ("alpine:latest", "alpine@sha256:…"); empty if it was an ID.
  std::string name;
  bool force = false;
  std::vector<ImageUse> uses;
};

struct RemovalPlan {
  std::vector<std::string> untag;  // names to take away, in this order
  bool delete_image = false;
};

// Throws Error{conflict} with Docker's texts.
RemovalPlan plan_removal(const RemovalRequest& request);

// The identity of a stack of layers (OCI image-spec, "Layer ChainID"): one for each layer, bottom
// first.
std::vector<Digest> chain_ids(const std::vector<Digest>& diff_ids);

}  // namespace ctr::image
