#include "daemon/embedded_images.h"

#include <fcntl.h>
#include <unistd.h>

#include "image/image_config.h"
#include "runtime/sys/error.h"
#include "runtime/sys/file.h"

namespace ctr::daemon {

using image::Descriptor;
using image::Digest;
using image::Reference;

namespace {

constexpr const char* name_annotation = "org.opencontainers.image.ref.name";
constexpr size_t piece_size = 64 << 10;

std::string blob_path(const std::string& layout, const Digest& digest) {
  return layout + "/blobs/sha256/" + digest.hex();
}

image::Index read_index(const std::string& layout) {
  return image::parse_index(sys::read_file(layout + "/index.json", image::max_manifest_bytes));
}

// The descriptor that has the name; a name without a domain is Docker Hub's.
const Descriptor* find_named(const image::Index& index, const Reference& reference) {
  for (const Descriptor& descriptor : index.manifests) {
    auto name = descriptor.annotations.find(name_annotation);
    if (name != descriptor.annotations.end() && image::parse_reference(name->second) == reference)
      return &descriptor;
  }
  return nullptr;
}

void for_each_piece(const std::string& path, const std::function<void(std::string_view)>& take) {
  sys::UniqueFd file = sys::open_at(AT_FDCWD, path, O_RDONLY);
  std::vector<char> piece(piece_size);
  while (true) {
    ssize_t count = sys::check(
        sys::retry_on_signal([&] { return ::read(file.get(), piece.data(), piece.size()); }),
        "read", path);
    if (count == 0) return;
    take({piece.data(), static_cast<size_t>(count)});
  }
}

// A document of a layout, checked against its digest before it is believed.
std::string read_document(const std::string& layout, const Descriptor& descriptor, size_t limit) {
  std::string text = sys::read_file(blob_path(layout, descriptor.digest), limit);
  if (image::Sha256::of(text) != descriptor.digest)
    throw sys::Error(
        sys::ErrorKind::invalid_argument,
        fmt::format("'{}' does not match its digest", blob_path(layout, descriptor.digest)));
  return text;
}

void load_blob(const std::string& path, const Descriptor& descriptor,
               image::ContentStore& content) {
  if (content.has(descriptor.digest)) return;
  image::ContentWriter writer = content.ingest(descriptor.digest);
  writer.restart();
  for_each_piece(path, [&](std::string_view piece) { writer.write(piece); });
  writer.commit(descriptor.size);
}

void load_layer(const std::string& path, const Digest& diff_id, image::LayerStore& layers) {
  if (layers.find(diff_id)) return;
  auto unpacker = layers.unpack(diff_id);
  for_each_piece(path, [&](std::string_view piece) { unpacker->write(piece); });
  unpacker->commit();
}

}  // namespace

std::optional<std::string> EmbeddedImages::find_layout(const Reference& reference) const {
  if (directory_.empty() || !reference.digest.empty() || !sys::exists(directory_))
    return std::nullopt;
  for (const std::string& name : sys::list_directory(directory_)) {
    std::string layout = directory_ + "/" + name;
    if (sys::exists(layout + "/index.json") && find_named(read_index(layout), reference) != nullptr)
      return layout;
  }
  return std::nullopt;
}

image::NewImage EmbeddedImages::load(const std::string& layout, const Reference& reference,
                                     image::ContentStore& content, image::LayerStore& layers,
                                     const std::function<void(const Digest&)>& keep) {
  const image::Index index = read_index(layout);
  const Descriptor* found = find_named(index, reference);
  if (found == nullptr)
    throw sys::Error(sys::ErrorKind::not_found,
                     fmt::format("'{}' has no image {}", layout, reference.familiar()));
  const image::Manifest manifest = image::parse_manifest(
      read_document(layout, *found, image::max_manifest_bytes), found->media_type);
  image::expect_container_image(manifest);
  const image::ImageConfig config =
      image::parse_image_config(read_document(layout, manifest.config, image::max_config_bytes));
  image::expect_runnable_system(config);
  if (config.diff_ids.size() != manifest.layers.size())
    throw sys::Error(sys::ErrorKind::invalid_argument,
                     fmt::format("'{}' has {} layers and {} diff IDs", layout,
                                 manifest.layers.size(), config.diff_ids.size()));

  image::NewImage image{.manifest = found->digest,
                        .config_json = config.text,
                        .diff_ids = config.diff_ids,
                        .blobs = {found->digest, manifest.config.digest},
                        .repo_digest = reference.familiar_name() + "@" + found->digest.text()};
  for (const Descriptor& layer : manifest.layers) image.blobs.push_back(layer.digest);
  for (const Digest& digest : image.blobs) keep(digest);
  for (const Digest& digest : image.diff_ids) keep(digest);
  load_blob(blob_path(layout, found->digest), *found, content);
  load_blob(blob_path(layout, manifest.config.digest), manifest.config, content);
  for (size_t i = 0; i < manifest.layers.size(); ++i) {
    const std::string path = blob_path(layout, manifest.layers[i].digest);
    load_blob(path, manifest.layers[i], content);
    load_layer(path, config.diff_ids[i], layers);
  }
  return image;
}

}  // namespace ctr::daemon
