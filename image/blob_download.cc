#include "image/blob_download.h"

#include <algorithm>

#include "image/registry_client.h"
#include "image/registry_error.h"
#include "image/registry_retry.h"

namespace ctr::image {

namespace {

// A registry that breaks off after every few bytes does not get forever.
constexpr uint64_t worthwhile_progress = 64 << 10;

void begin_at(uint64_t offset, const BlobTarget& target) {
  if (offset == target.size()) return;
  if (offset == 0) return target.restart();
  throw TransferError(TransferFailure::interrupted, "the registry sent another part of the blob");
}

}  // namespace

void download_blob(Repository& repository, const Digest& digest, uint64_t size,
                   const BlobTarget& target, const RegistryTiming& timing, std::stop_token stop) {
  RetryBudget budget(timing);
  uint64_t best = target.size();
  const BlobSink sink{[&](uint64_t offset) { begin_at(offset, target); },
                      [&](std::string_view piece) { target.write(piece); }};
  while (target.size() < size) {
    std::chrono::milliseconds delay{};
    try {
      repository.get_blob(digest, size, target.size(), sink, stop);
      continue;
    } catch (const sys::Error& failure) {
      if (target.size() >= best + worthwhile_progress) budget.progressed();
      best = std::max(best, target.size());
      const std::optional<std::chrono::milliseconds> next = budget.next_delay(failure);
      if (!next) throw;
      delay = *next;
    }
    target.retrying(delay);
    sleep_unless_stopped(delay, stop);
  }
}

}  // namespace ctr::image
