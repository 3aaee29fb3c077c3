#include "image/manifest.h"

#include <algorithm>

#include "image/json_document.h"
#include "image/media_type.h"
#include "runtime/sys/error.h"

namespace ctr::image {

namespace {

using nlohmann::json;

std::optional<Platform> parse_descriptor_platform(const JsonObject& descriptor) {
  std::optional<JsonObject> platform = descriptor.object("platform");
  if (!platform) return std::nullopt;
  return normalize_platform(
      {platform->text("os"), platform->text("architecture"), platform->text("variant")});
}

Descriptor parse_descriptor(const json& value, std::string_view what) {
  JsonObject object(value, what);
  Descriptor descriptor;
  descriptor.media_type = object.text("mediaType");
  descriptor.digest = Digest::parse(object.text("digest"));
  std::optional<int64_t> size = object.integer("size");
  // Nothing that a descriptor may point to is empty: an empty tar has 1024 bytes, a config "{}".
  if (!size || *size <= 0)
    object.refuse(
        fmt::format("the size of {} is missing or not positive", descriptor.digest.text()));
  descriptor.size = static_cast<uint64_t>(*size);
  descriptor.platform = parse_descriptor_platform(object);
  descriptor.annotations = object.text_map("annotations");
  return descriptor;
}

std::vector<Descriptor> parse_descriptors(const JsonObject& document, const char* key,
                                          std::string_view what) {
  std::vector<Descriptor> descriptors;
  if (const json* list = document.array(key))
    for (const json& value : *list) descriptors.push_back(parse_descriptor(value, what));
  return descriptors;
}

// What the document is, from the words that it and its sender use for it.
std::string agreed_type(const JsonObject& document, std::string_view declared) {
  std::string inner = document.text("mediaType");
  if (media_type::is_schema1(declared) || media_type::is_schema1(inner) ||
      document.has("fsLayers")) {
    throw sys::Error(sys::ErrorKind::unsupported,
                     "the image's manifest has Docker's schema version 1, which is not supported: "
                     "push the image again with a current tool");
  }
  // Registries that know no better say text/plain or application/json: not a contradiction.
  const bool sender_knows = media_type::is_manifest(declared) || media_type::is_index(declared);
  if (!sender_knows) return inner;
  if (!inner.empty() && inner != declared)
    document.refuse(fmt::format("its mediaType is '{}', but it was sent as '{}'",
                                inner.substr(0, 100), declared));
  return std::string(declared);
}

void expect_one_kind(const JsonObject& document, std::string_view type) {
  const bool as_index = document.has("manifests");
  const bool as_manifest = document.has("layers") || document.has("config");
  if (as_index && as_manifest) document.refuse("it has both manifests and layers");
  if (!as_index && !as_manifest) document.refuse("it has neither manifests nor layers");
  if (type.empty()) return;
  if (!media_type::is_manifest(type) && !media_type::is_index(type))
    throw sys::Error(sys::ErrorKind::unsupported,
                     fmt::format("unsupported manifest media type '{}'", type.substr(0, 100)));
  if (media_type::is_index(type) != as_index)
    document.refuse(fmt::format("its content does not fit its media type '{}'", type));
}

Index read_index(const JsonObject& document, std::string type) {
  Index index;
  index.media_type = type.empty() ? std::string(media_type::oci_index) : std::move(type);
  index.manifests = parse_descriptors(document, "manifests", "index");
  index.annotations = document.text_map("annotations");
  return index;
}

Manifest read_manifest(const JsonObject& document, std::string type) {
  Manifest manifest;
  manifest.media_type = type.empty() ? std::string(media_type::oci_manifest) : std::move(type);
  const json* config = document.find("config");
  if (!config) document.refuse("it has no config");
  manifest.config = parse_descriptor(*config, "manifest");
  manifest.layers = parse_descriptors(document, "layers", "manifest");
  if (manifest.layers.size() > max_layers)
    document.refuse(fmt::format("more than {} layers", max_layers));
  manifest.annotations = document.text_map("annotations");
  return manifest;
}

json descriptor_json(const Descriptor& descriptor) {
  json value = {{"mediaType", descriptor.media_type},
                {"digest", descriptor.digest.text()},
                {"size", descriptor.size}};
  if (descriptor.platform) {
    json& platform = value["platform"];
    platform["architecture"] = descriptor.platform->architecture;
    platform["os"] = descriptor.platform->os;
    if (!descriptor.platform->variant.empty()) platform["variant"] = descriptor.platform->variant;
  }
  if (!descriptor.annotations.empty()) value["annotations"] = descriptor.annotations;
  return value;
}

json descriptors_json(const std::vector<Descriptor>& descriptors) {
  json list = json::array();
  for (const Descriptor& descriptor : descriptors) list.push_back(descriptor_json(descriptor));
  return list;
}

}  // namespace

ManifestOrIndex parse_manifest_or_index(std::string_view text, std::string_view declared_type) {
  const json parsed = parse_json_object(text, "manifest", {.bytes = max_manifest_bytes});
  JsonObject document(parsed, "manifest");
  std::string type = agreed_type(document, declared_type);
  if (document.integer("schemaVersion") != 2) document.refuse("schemaVersion is not 2");
  expect_one_kind(document, type);
  if (document.has("manifests")) return read_index(document, std::move(type));
  return read_manifest(document, std::move(type));
}

Manifest parse_manifest(std::string_view text, std::string_view declared_type) {
  ManifestOrIndex parsed = parse_manifest_or_index(text, declared_type);
  if (Manifest* manifest = std::get_if<Manifest>(&parsed)) return std::move(*manifest);
  throw sys::Error(sys::ErrorKind::invalid_argument, "invalid manifest: it is an index");
}

Index parse_index(std::string_view text, std::string_view declared_type) {
  ManifestOrIndex parsed = parse_manifest_or_index(text, declared_type);
  if (Index* index = std::get_if<Index>(&parsed)) return std::move(*index);
  throw sys::Error(sys::ErrorKind::invalid_argument, "invalid index: it is a manifest");
}

void expect_container_image(const Manifest& manifest) {
  if (!media_type::is_image_config(manifest.config.media_type)) {
    throw sys::Error(sys::ErrorKind::unsupported,
                     fmt::format("not a container image: its configuration has the media type '{}'",
                                 manifest.config.media_type.substr(0, 100)));
  }
  for (const Descriptor& layer : manifest.layers) {
    if (media_type::is_layer(layer.media_type)) continue;
    throw sys::Error(sys::ErrorKind::unsupported,
                     fmt::format("unsupported media type '{}' of layer {}",
                                 layer.media_type.substr(0, 100), layer.digest.text()));
  }
}

const Descriptor& choose_manifest(const Index& index, const std::vector<Platform>& acceptable) {
  std::vector<std::optional<Platform>> offered;
  for (const Descriptor& manifest : index.manifests) offered.push_back(manifest.platform);
  if (std::optional<size_t> best = find_best_platform(offered, acceptable))
    return index.manifests[*best];
  // An index of one that names no platform, as tools for a single platform write it.
  if (index.manifests.size() == 1 && !offered[0]) return index.manifests[0];

  std::string names;
  size_t listed = 0;
  for (const std::optional<Platform>& platform : offered) {
    // Attestations are listed as unknown/unknown.
    if (!platform || platform->os == "unknown" || ++listed > 20) continue;
    names += (names.empty() ? "" : ", ") + platform_text(*platform).substr(0, 60);
  }
  throw sys::Error(
      sys::ErrorKind::not_found,
      fmt::format("no matching manifest for {} in the manifest list entries: there is {}",
                  platform_text(acceptable.at(0)), names.empty() ? "none" : names));
}

std::string manifest_text(const Manifest& manifest) {
  json document = {{"schemaVersion", 2},
                   {"mediaType", manifest.media_type},
                   {"config", descriptor_json(manifest.config)},
                   {"layers", descriptors_json(manifest.layers)}};
  if (!manifest.annotations.empty()) document["annotations"] = manifest.annotations;
  return document.dump();
}

std::string index_text(const Index& index) {
  json document = {{"schemaVersion", 2},
                   {"mediaType", index.media_type},
                   {"manifests", descriptors_json(index.manifests)}};
  if (!index.annotations.empty()) document["annotations"] = index.annotations;
  return document.dump();
}

}  // namespace ctr::image
