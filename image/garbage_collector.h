// Which layers and blobs nothing refers to any more. Found anew from what refers to what, never by
// counting: a crash between a record and its content costs disk space until the next collection,
// and nothing else.
#pragma once

#include <set>
#include <vector>

#include "image/database.h"
#include "image/digest.h"

namespace ctr::image {

// What the images' records refer to.
struct References {
  std::set<Digest> layers;
  std::set<Digest> blobs;
};
References read_references(Database& database);

// Those of `present` that neither set holds. Pure.
std::vector<Digest> unreferenced(const std::vector<Digest>& present,
                                 const std::set<Digest>& referenced, const std::set<Digest>& kept);

}  // namespace ctr::image
