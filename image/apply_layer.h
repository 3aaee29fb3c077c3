// Applies one layer onto a directory that holds the layers below it: what `ctrd apply-layer DIR`
// does.
#pragma once

#include <cstdint>

namespace ctr::image {

// Reads one uncompressed tar from `input` to its end and writes it below `directory` (any
// descriptor of a directory). Whiteouts delete for real; an opaque whiteout removes what was there
// before this layer, not what this layer brings. Returns the sum of the regular files' bytes.
// Throws Error{invalid_argument} "invalid archive: …"; what was written until then stays.
uint64_t apply_layer(int directory, int input);
// The same for a tar that is no layer: names that begin with ".wh." are names as any other.
uint64_t apply_tree(int directory, int input);

}  // namespace ctr::image
