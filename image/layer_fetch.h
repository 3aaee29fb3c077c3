// One blob from a registry into the content store and, if it is a layer, unpacked on the way: the
// bytes go to the file and into the pipeline as they arrive. Runs in: ctrd, on a worker.
#pragma once

#include <memory>
#include <optional>
#include <stop_token>

#include "image/content_store.h"
#include "image/layer_store.h"
#include "image/manifest.h"
#include "image/registry_config.h"
#include "image/shared_jobs.h"

namespace ctr::image {

class Repository;

struct BlobOrder {
  std::shared_ptr<Repository> repository;
  Descriptor blob;
  Digest diff_id;  // empty: not a layer, nothing to unpack
};

// Whether there is nothing to do: both stores have theirs.
bool is_here(const BlobOrder& order, const ContentStore& content, const LayerStore& layers);

// Both stores have it durably when it returns. A blob or a layer that is there already is not
// fetched again. Bytes that do not match their digest are fetched once more, then refused; what an
// interruption leaves is kept for the next time. Throws Error, Cancelled.
void fetch_blob(const BlobOrder& order, ContentStore& content, LayerStore& layers,
                const RegistryTiming& timing, const SharedJobs::Report& report,
                std::stop_token stop);

}  // namespace ctr::image
