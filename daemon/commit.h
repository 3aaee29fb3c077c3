// Images of what is here: of a container (docker commit), of an archive (docker import). Runs in:
// ctrd.
#pragma once

#include <nlohmann/json.hpp>

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/containers.h"
#include "daemon/images.h"
#include "image/registry_config.h"

namespace ctr::daemon {

struct ImageMaking {
  Containers& containers;
  Images& images;
  std::string scratch;  // a directory of the data root, for a layer on its way
  const image::RegistryConfig& web;  // proxies and patience for import from a URL
};

struct NewImageRequest {
  std::string repository;  // empty: the image has no name
  std::string tag;         // "latest" if empty
  std::string comment;
  std::string author;
  std::vector<std::string> changes;  // a Dockerfile's instructions
};

struct CommitRequest {
  NewImageRequest image;
  std::string container;
  bool pause = true;
  nlohmann::json config;  // members of the run configuration that replace the container's; or null
};
// Returns the image's ID, "sha256:…".
std::string commit_container(const ImageMaking& making, const CommitRequest& request);

// `source` gives a tar (plain, gzip or zstd) piece by piece, empty at the end: the image's one
// layer.
std::string import_archive(const ImageMaking& making, const NewImageRequest& request,
                           const std::string& architecture,
                           const std::function<std::string_view()>& source);

}  // namespace ctr::daemon
