// Names of images as users type them: "alpine" is docker.io/library/alpine:latest. Pure.
#pragma once

#include <string>
#include <string_view>

namespace ctr::cli {

struct ImageName {
  std::string domain;      // "docker.io", "localhost:5000"
  std::string repository;  // "library/alpine"
  std::string tag;         // empty if only a digest was given
  std::string digest;      // "sha256:…" or empty

  // "docker.io/library/alpine": what a pull asks for.
  std::string full_repository() const { return domain + "/" + repository; }
  // "latest" or "sha256:…": the second half of what a pull asks for.
  const std::string& version() const { return digest.empty() ? tag : digest; }
  // "docker.io/library/alpine:latest".
  std::string full() const;
  // "alpine:latest": without what is filled in for Docker Hub.
  std::string familiar() const;
};

// Fills in what Docker fills in: domain, "library/", the tag "latest" unless `tag_default` is off
// or there is a digest. Throws sys::Error{invalid_argument} "invalid reference format…".
ImageName parse_image_name(std::string_view text, bool tag_default = true);

}  // namespace ctr::cli
