// An image's name as users write it and as registries know it. Pure.
//
//   alpine                            docker.io  library/alpine   latest
//   ghcr.io/owner/app:1.2             ghcr.io    owner/app        1.2
//   localhost:5000/app@sha256:…       localhost:5000  app         (digest)
#pragma once

#include <string>
#include <string_view>

#include "image/digest.h"

namespace ctr::image {

// Only parse_reference() and its like make valid ones.
struct Reference {
  std::string domain;  // "docker.io", "localhost:5000": the registry, never empty
  std::string path;    // "library/alpine"
  std::string tag;     // may be empty, where there is a digest or none was written
  Digest digest;       // may be empty

  std::string name() const { return domain + "/" + path; }  // "docker.io/library/alpine"
  std::string text() const;           // "docker.io/library/alpine:latest", with everything there is
  std::string familiar_name() const;  // "alpine", "owner/app", "ghcr.io/owner/app"
  std::string familiar() const;       // "alpine:latest": what Docker shows
  // "latest", or "sha256:…" where there is a digest: what a registry is asked for.
  std::string tag_or_digest() const { return digest.empty() ? tag : digest.text(); }

  bool operator==(const Reference&) const = default;
};

// Short names are completed as Docker does it; where there is neither tag nor digest the tag is
// "latest". Throws Error{invalid_argument} "invalid reference format…" (N11).
Reference parse_reference(std::string_view text);
// The same, but leaves the tag empty where none was written.
Reference parse_reference_as_written(std::string_view text);

// [A-Za-z0-9_][A-Za-z0-9_.-]{0,127}
bool is_valid_tag(std::string_view tag);

}  // namespace ctr::image
