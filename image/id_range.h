// The ids of a container with a user namespace as the host has them: the container's n is first + n.
#pragma once

#include <cstdint>

#include "runtime/sys/error.h"

namespace ctr::image {

struct IdRange {
  uint32_t first = 0;
  uint32_t size = 0;  // 0: the container's ids are the host's

  // Throws Error{invalid_argument} for an id that the container has not.
  uint32_t to_host(uint32_t id) const {
    if (size == 0) return id;
    if (id >= size)
      throw sys::Error(sys::ErrorKind::invalid_argument,
                       fmt::format("the id {} is not one of the container's {} ids", id, size));
    return first + id;
  }
  // What the container sees: somebody else's ids are "nobody".
  uint32_t to_container(uint32_t id) const {
    constexpr uint32_t nobody = 65534;  // /proc/sys/kernel/overflowuid
    if (size == 0) return id;
    return id >= first && id - first < size ? id - first : nobody;
  }
};

struct IdRanges {
  IdRange uids, gids;
  bool mapped() const { return uids.size != 0; }
};

}  // namespace ctr::image
