// Images from files instead of a registry: OCI layouts (image-spec, image-layout.md) and what
// `docker save` writes. Everything is verified like a pull: digests, sizes, diff IDs.
// Runs in: ctrd. Thread-safe.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "image/archive_files.h"
#include "image/content_store.h"
#include "image/image_store.h"
#include "image/layer_store.h"
#include "image/platform.h"

namespace ctr::image {

// All of it durable; recorded by ImageStore::put(), once for each tag.
struct ArchivedImage {
  NewImage image;
  std::vector<std::string> tags;  // familiar; empty where the archive names none
};

struct LoadOptions {
  // Called with each digest before it is looked for (Lease::keep).
  std::function<void(const Digest&)> keep;
  std::optional<Platform>
      platform;  // of an index: the host's, and what its processor runs, if none
};

// Takes all images of the archive into the stores. Throws Error{invalid_argument} for what is no
// image archive or is damaged, {unsupported}, {not_found} where an index has nothing for the
// platform.
std::vector<ArchivedImage> load_archive(const ArchiveFiles& files, ContentStore& content,
                                        LayerStore& layers, const LoadOptions& options);

// One image of `docker save`'s manifest.json. Pure.
struct SavedImage {
  std::string config;               // a file's name
  std::vector<std::string> tags;    // as written
  std::vector<std::string> layers;  // files' names, the lowest first
};
std::vector<SavedImage> parse_saved_images(std::string_view text);

// The name in an OCI index's annotations, as a familiar one: Docker's annotation is a whole name,
// OCI's may be a bare tag, which names nothing. Pure.
std::optional<std::string> find_archived_name(
    const std::map<std::string, std::string>& annotations);

}  // namespace ctr::image
