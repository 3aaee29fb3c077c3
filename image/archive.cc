#include "image/archive.h"

#include <algorithm>

#include "image/image_config.h"
#include "image/inflate.h"
#include "image/json_document.h"
#include "image/manifest.h"
#include "image/media_type.h"
#include "image/reference.h"
#include "runtime/sys/error.h"

namespace ctr::image {

namespace {

using sys::Error;
using sys::ErrorKind;

constexpr int index_depth_limit = 4;  // an index may name itself (D07)
constexpr size_t image_limit = 1000;

[[noreturn]] void fail(const std::string& why) {
  throw Error(ErrorKind::invalid_argument, "invalid archive: " + why);
}

std::string blob_name(const Digest& digest) {
  return "blobs/sha256/" + digest.hex();
}

std::string familiar_tag(std::string_view text) {
  Reference reference = parse_reference(text);
  if (!reference.digest.empty()) fail(fmt::format("'{}' is no tag", text));
  return reference.familiar();
}

// One call of load_archive().
class Load {
 public:
  Load(const ArchiveFiles& files, ContentStore& content, LayerStore& layers,
       const LoadOptions& options)
      : files_(files), content_(content), layers_(layers), options_(options) {}

  std::vector<ArchivedImage> run() {
    if (auto index = files_.find_text("index.json", max_manifest_bytes))
      load_index(parse_index(*index));
    else if (auto saved = files_.find_text("manifest.json", max_manifest_bytes))
      for (const SavedImage& image : parse_saved_images(*saved)) load_saved(image);
    else
      fail("it has neither an index.json nor a manifest.json");
    return std::move(images_);
  }

 private:
  std::string read_document(const Descriptor& descriptor, size_t limit) {
    auto text = files_.find_text(blob_name(descriptor.digest), limit);
    if (!text) fail(fmt::format("content {} is missing", descriptor.digest.text()));
    if (text->size() != descriptor.size || Sha256::of(*text) != descriptor.digest)
      fail(fmt::format("content {} does not match its digest", descriptor.digest.text()));
    return std::move(*text);
  }

  // The archive's own index lists images; one below it lists one image's platforms.
  void load_index(const Index& index) {
    if (index.manifests.size() > image_limit) fail("it has too many images");
    for (const Descriptor& descriptor : index.manifests) {
      // What BuildKit attests about an image is stored beside it as an image of no system.
      if (descriptor.platform && descriptor.platform->os == "unknown") continue;
      load_descriptor(descriptor, find_archived_name(descriptor.annotations));
    }
  }

  void load_descriptor(const Descriptor& top, const std::optional<std::string>& name) {
    Descriptor descriptor = top;
    std::vector<Digest> indexes;
    while (true) {
      const std::string text = read_document(descriptor, max_manifest_bytes);
      ManifestOrIndex document = parse_manifest_or_index(text, descriptor.media_type);
      keep(descriptor.digest);
      if (auto* manifest = std::get_if<Manifest>(&document)) {
        content_.put(text);
        return load_image(descriptor.digest, *manifest, std::move(indexes), name);
      }
      if (indexes.size() == index_depth_limit) fail("its indexes are nested too deeply");
      content_.put(text);
      indexes.push_back(descriptor.digest);
      descriptor = choose_manifest(std::get<Index>(document), acceptable());
    }
  }

  std::vector<Platform> acceptable() const {
    return options_.platform
               ? acceptable_platforms(*options_.platform, Compatibility::same_architecture)
               : acceptable_platforms(host_platform(), Compatibility::what_the_cpu_runs);
  }

  void load_image(const Digest& digest, const Manifest& manifest, std::vector<Digest> indexes,
                  const std::optional<std::string>& name) {
    expect_container_image(manifest);
    ImageConfig config = read_config(read_document(manifest.config, max_config_bytes));
    expect_layers(config, manifest.layers.size());
    ArchivedImage image = begin(digest, config, manifest);
    image.image.blobs.insert(image.image.blobs.end(), indexes.begin(), indexes.end());
    for (size_t i = 0; i < manifest.layers.size(); ++i)
      load_layer(blob_name(manifest.layers[i].digest), manifest.layers[i], config.diff_ids[i]);
    if (name) image.tags.push_back(*name);
    images_.push_back(std::move(image));
  }

  // `docker save` has no manifest: one is made of what it has, so that the image can be pushed and
  // saved like any other.
  void load_saved(const SavedImage& saved) {
    if (images_.size() == image_limit) fail("it has too many images");
    auto text = files_.find_text(saved.config, max_config_bytes);
    if (!text) fail(fmt::format("'{}' is missing", saved.config));
    ImageConfig config = read_config(*text);
    expect_layers(config, saved.layers.size());
    Manifest manifest;
    manifest.media_type = media_type::oci_manifest;
    manifest.config.media_type = media_type::oci_config;
    manifest.config.digest = Sha256::of(*text);
    manifest.config.size = text->size();
    for (const std::string& layer : saved.layers) manifest.layers.push_back(describe_layer(layer));
    const std::string made = manifest_text(manifest);
    keep(Sha256::of(made));
    ArchivedImage image = begin(content_.put(made), config, manifest);
    for (size_t i = 0; i < saved.layers.size(); ++i)
      load_layer(saved.layers[i], manifest.layers[i], config.diff_ids[i]);
    for (const std::string& tag : saved.tags) image.tags.push_back(familiar_tag(tag));
    images_.push_back(std::move(image));
  }

  ImageConfig read_config(const std::string& text) {
    ImageConfig config = parse_image_config(text);
    expect_runnable_system(config);
    return config;
  }

  static void expect_layers(const ImageConfig& config, size_t count) {
    if (config.diff_ids.size() != count)
      fail(fmt::format("an image has {} layers and {} diff IDs", count, config.diff_ids.size()));
  }

  ArchivedImage begin(const Digest& manifest_digest, const ImageConfig& config,
                      const Manifest& manifest) {
    ArchivedImage image;
    image.image.manifest = manifest_digest;
    image.image.config_json = config.text;
    image.image.diff_ids = config.diff_ids;
    image.image.blobs = {manifest_digest, manifest.config.digest};
    for (const Descriptor& layer : manifest.layers) image.image.blobs.push_back(layer.digest);
    for (const Digest& blob : image.image.blobs) keep(blob);
    for (const Digest& diff_id : image.image.diff_ids) keep(diff_id);
    content_.put(config.text);
    return image;
  }

  Descriptor describe_layer(const std::string& file) {
    Sha256 digest;
    Descriptor layer;
    std::string start;
    bool found = files_.read(file, [&](std::string_view piece) {
      digest.update(piece);
      layer.size += piece.size();
      if (start.size() < compression_magic_size) start += piece.substr(0, compression_magic_size);
    });
    if (!found) fail(fmt::format("'{}' is missing", file));
    layer.digest = digest.finish();
    Compression compression = detect_compression(start);
    layer.media_type = compression == Compression::gzip   ? media_type::oci_layer_gzip
                       : compression == Compression::zstd ? media_type::oci_layer_zstd
                                                          : media_type::oci_layer;
    return layer;
  }

  // One pass over the file feeds both stores; either may have it already.
  void load_layer(const std::string& file, const Descriptor& layer, const Digest& diff_id) {
    std::optional<ContentWriter> writer;
    std::unique_ptr<LayerUnpacker> unpacker;
    if (!content_.has(layer.digest)) writer.emplace(content_.ingest(layer.digest));
    if (writer) writer->restart();  // what an interrupted pull left is not worth looking for
    if (!layers_.find(diff_id)) unpacker = layers_.unpack(diff_id);
    if (!writer && !unpacker) return;
    bool found = files_.read(file, [&](std::string_view piece) {
      if (writer) writer->write(piece);
      if (unpacker) unpacker->write(piece);
    });
    if (!found) fail(fmt::format("'{}' is missing", file));
    if (writer) writer->commit(layer.size);
    if (unpacker) unpacker->commit();
  }

  void keep(const Digest& digest) const {
    if (options_.keep) options_.keep(digest);
  }

  const ArchiveFiles& files_;
  ContentStore& content_;
  LayerStore& layers_;
  const LoadOptions& options_;
  std::vector<ArchivedImage> images_;
};

}  // namespace

std::vector<ArchivedImage> load_archive(const ArchiveFiles& files, ContentStore& content,
                                        LayerStore& layers, const LoadOptions& options) {
  return Load(files, content, layers, options).run();
}

std::vector<SavedImage> parse_saved_images(std::string_view text) {
  // The document is an array at its top; as a member it goes through the one strict reader.
  nlohmann::json document =
      parse_json_object(fmt::format("{{\"images\":{}}}", text), "manifest.json");
  std::vector<SavedImage> images;
  const nlohmann::json* array = JsonObject(document, "manifest.json").array("images");
  if (array == nullptr) fail("its manifest.json is empty");
  for (const nlohmann::json& element : *array) {
    JsonObject image(element, "manifest.json");
    images.push_back({image.text("Config"), image.texts("RepoTags"), image.texts("Layers")});
    if (images.back().config.empty()) fail("an image of its manifest.json has no configuration");
  }
  return images;
}

std::optional<std::string> find_archived_name(
    const std::map<std::string, std::string>& annotations) {
  for (const char* key : {"io.containerd.image.name", "org.opencontainers.image.ref.name"}) {
    auto name = annotations.find(key);
    if (name == annotations.end()) continue;
    // A bare tag ("latest", "3.20") says nothing of the repository.
    if (name->second.find_first_of(":/") == std::string::npos) continue;
    return familiar_tag(name->second);
  }
  return std::nullopt;
}

}  // namespace ctr::image
