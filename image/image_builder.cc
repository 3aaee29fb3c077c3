#include "image/image_builder.h"

#include <unistd.h>

#include "image/image_config.h"
#include "image/media_type.h"
#include "runtime/sys/error.h"

namespace ctr::image {

namespace {

constexpr size_t piece_size = 1 << 20;

void read_from_start(int file, const std::function<void(std::string_view)>& take) {
  std::string buffer(piece_size, '\0');
  for (off_t offset = 0;;) {
    ssize_t count = sys::check(
        sys::retry_on_signal([&] { return ::pread(file, buffer.data(), buffer.size(), offset); }),
        "read");
    if (count == 0) return;
    take({buffer.data(), static_cast<size_t>(count)});
    offset += count;
  }
}

}  // namespace

BuiltLayer store_layer(int tar, ContentStore& content, LayerStore& layers,
                       const std::function<void(const Digest&)>& keep) {
  Sha256 digest;
  BuiltLayer layer;
  layer.blob.media_type = media_type::oci_layer;
  read_from_start(tar, [&](std::string_view piece) {
    digest.update(piece);
    layer.blob.size += piece.size();
  });
  // Not compressed: both digests are one.
  layer.blob.digest = layer.diff_id = digest.finish();
  keep(layer.diff_id);
  std::optional<ContentWriter> writer;
  std::unique_ptr<LayerUnpacker> unpacker;
  if (!content.has(layer.blob.digest)) writer.emplace(content.ingest(layer.blob.digest));
  if (writer) writer->restart();
  if (!layers.find(layer.diff_id)) unpacker = layers.unpack(layer.diff_id);
  if (!writer && !unpacker) return layer;
  read_from_start(tar, [&](std::string_view piece) {
    if (writer) writer->write(piece);
    if (unpacker) unpacker->write(piece);
  });
  if (writer) writer->commit(layer.blob.size);
  if (unpacker) unpacker->commit();
  return layer;
}

NewImage store_image(const std::string& config_text, const std::vector<Descriptor>& layers,
                     ContentStore& content, const std::function<void(const Digest&)>& keep) {
  Manifest manifest;
  manifest.media_type = media_type::oci_manifest;
  manifest.config.media_type = media_type::oci_config;
  manifest.config.digest = Sha256::of(config_text);
  manifest.config.size = config_text.size();
  manifest.layers = layers;
  const std::string text = manifest_text(manifest);
  NewImage image;
  image.manifest = Sha256::of(text);
  image.config_json = config_text;
  image.diff_ids = parse_image_config(config_text).diff_ids;
  image.blobs = {image.manifest, manifest.config.digest};
  for (const Descriptor& layer : layers) image.blobs.push_back(layer.digest);
  for (const Digest& blob : image.blobs) keep(blob);
  for (const Digest& diff_id : image.diff_ids) keep(diff_id);
  content.put(config_text);
  content.put(text);
  return image;
}

}  // namespace ctr::image
