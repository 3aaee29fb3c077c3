#include "image/save_archive.h"

#include <fcntl.h>

#include <nlohmann/json.hpp>
#include <set>

#include "image/manifest.h"
#include "image/media_type.h"
#include "image/reference.h"
#include "runtime/sys/error.h"
#include "runtime/sys/file.h"
#include "runtime/sys/path.h"

namespace ctr::image {

namespace {

using nlohmann::json;

std::string blob_name(const Digest& digest) {
  return "blobs/sha256/" + digest.hex();
}

// What the archive holds, found out before its first byte is written.
struct Plan {
  const std::function<void(const Digest&)>& keep;
  std::set<Digest> known{};
  std::vector<Digest> blobs{};  // in the order in which they are met
  Index index{};
  json saved = json::array();  // manifest.json

  void add_blob(const Digest& digest, const ContentStore& content) {
    if (!known.insert(digest).second) return;
    keep(digest);
    if (!content.has(digest))
      throw sys::Error(sys::ErrorKind::not_found,
                       fmt::format("content {} is missing: pull the image again", digest.text()));
    blobs.push_back(digest);
  }
};

void plan_image(Plan& plan, const ImageToSave& wanted, const ContentStore& content) {
  const std::string text = content.read(wanted.image.manifest, max_manifest_bytes);
  const Manifest manifest = parse_manifest(text);
  plan.add_blob(wanted.image.manifest, content);
  plan.add_blob(manifest.config.digest, content);
  json layers = json::array();
  for (const Descriptor& layer : manifest.layers) {
    plan.add_blob(layer.digest, content);
    layers.push_back(blob_name(layer.digest));
  }
  plan.saved.push_back({{"Config", blob_name(manifest.config.digest)},
                        {"RepoTags", wanted.tags.empty() ? json(nullptr) : json(wanted.tags)},
                        {"Layers", layers}});
  Descriptor descriptor{
      .media_type =
          manifest.media_type.empty() ? std::string(media_type::oci_manifest) : manifest.media_type,
      .digest = wanted.image.manifest,
      .size = text.size(),
      .platform = Platform{wanted.image.os, wanted.image.architecture, wanted.image.variant},
      .annotations = {}};
  for (const std::string& tag : wanted.tags) {
    const Reference reference = parse_reference(tag);
    descriptor.annotations = {{"io.containerd.image.name", reference.text()},
                              {"org.opencontainers.image.ref.name", reference.tag}};
    plan.index.manifests.push_back(descriptor);
  }
  if (wanted.tags.empty()) plan.index.manifests.push_back(descriptor);
}

}  // namespace

void save_images(const std::vector<ImageToSave>& images, const ContentStore& content,
                 const std::function<void(const Digest&)>& keep, const TreeArchive::Sink& sink) {
  Plan plan{keep};
  plan.index.media_type = media_type::oci_index;
  for (const ImageToSave& image : images) plan_image(plan, image, content);
  TreeArchive archive(sink);
  archive.add_text("oci-layout", R"({"imageLayoutVersion":"1.0.0"})");
  archive.add_text("index.json", index_text(plan.index));
  archive.add_text("manifest.json", plan.saved.dump());
  for (const Digest& blob : plan.blobs) {
    const std::string directory = sys::clean_path(content.path(blob) + "/..");
    sys::UniqueFd parent = sys::open_at(AT_FDCWD, directory, O_PATH | O_DIRECTORY);
    archive.add(parent.get(), blob.hex(), blob_name(blob));
  }
  archive.finish();
}

}  // namespace ctr::image
