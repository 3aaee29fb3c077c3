// A blob's bytes, however many connections it takes: each goes on where the one before broke.
// Runs in: ctrd.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <stop_token>
#include <string_view>

#include "image/digest.h"
#include "image/registry_config.h"

namespace ctr::image {

class Repository;

struct BlobTarget {
  std::function<uint64_t()> size;  // how much it has
  std::function<void()> restart;   // to nothing
  std::function<void(std::string_view)> write;
  std::function<void(std::chrono::milliseconds)> retrying;  // before each wait
};

// Returns when the target has `size` bytes; whether they are the right ones is for the caller to
// see. Throws the failure that is final, Cancelled, or what the target threw.
void download_blob(Repository& repository, const Digest& digest, uint64_t size,
                   const BlobTarget& target, const RegistryTiming& timing, std::stop_token stop);

}  // namespace ctr::image
