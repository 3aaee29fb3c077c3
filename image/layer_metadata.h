// Owner, attributes, mode and time of an entry that was just made, in the order that the kernel
// needs: a change of owner clears setuid bits and file capabilities, so that it comes first.
#pragma once

#include <string>

#include "image/layer_entry.h"

namespace ctr::image {

// For what is open (files, directories).
void apply_metadata(int fd, const LayerEntry& entry);
// For what cannot be opened without effects (devices, FIFOs) and for symbolic links themselves.
void apply_metadata(int parent, const std::string& name, const LayerEntry& entry);

}  // namespace ctr::image
