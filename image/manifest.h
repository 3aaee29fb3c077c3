// The documents that make an image: the index that lists platforms, the manifest that lists layers.
// Plain values and strict readers; pure. (OCI image-spec, manifest.md and image-index.md; Docker's
// schema 2 is the same with other names.)
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "image/digest.h"
#include "image/platform.h"

namespace ctr::image {

// A manifest or index may not be larger: what registries accept, and what a hostile one may cost.
inline constexpr size_t max_manifest_bytes = 4 << 20;
// overlayfs stacks no more (OVL_MAX_STACK).
inline constexpr size_t max_layers = 500;

struct Descriptor {
  std::string media_type;
  Digest digest;
  uint64_t size = 0;
  std::optional<Platform> platform;  // in an index
  std::map<std::string, std::string> annotations;
};

struct Manifest {
  std::string media_type;
  Descriptor config;
  std::vector<Descriptor> layers;  // the lowest first
  std::map<std::string, std::string> annotations;
};

struct Index {
  std::string media_type;
  std::vector<Descriptor> manifests;
  std::map<std::string, std::string> annotations;
};

using ManifestOrIndex = std::variant<Manifest, Index>;

// `declared_type` is what came beside the text: a registry's Content-Type, a descriptor's media
// type, or empty. Refused: a document that is both (G05), a mediaType that contradicts the declared
// one, Docker's schema 1, digests that are none (G06), sizes that are none (G02).
ManifestOrIndex parse_manifest_or_index(std::string_view text, std::string_view declared_type);
// One of the two only.
Manifest parse_manifest(std::string_view text, std::string_view declared_type = {});
Index parse_index(std::string_view text, std::string_view declared_type = {});

// Throws Error{unsupported} unless it is the manifest of a container image whose layers can all be
// unpacked here: not a chart, a signature, an encrypted or a foreign layer (G09).
void expect_container_image(const Manifest& manifest);

// The entry for the best of the acceptable platforms. Throws Error{not_found} that names those that
// there are (G10).
const Descriptor& choose_manifest(const Index& index, const std::vector<Platform>& acceptable);

// OCI's form of the two, without blanks: what this engine writes and pushes.
std::string manifest_text(const Manifest& manifest);
std::string index_text(const Index& index);

}  // namespace ctr::image
