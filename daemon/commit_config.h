// The configuration of an image that is made of a container (docker commit) or of an archive
// (docker import), with the changes that a Dockerfile's instructions ask for. Pure.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "image/digest.h"
#include "runtime/sys/timestamp.h"

namespace ctr::daemon {

// Applies "ENV A=b", "CMD [\"sh\"]" … to an image's run configuration (the member "config"). Throws
// Error{invalid_argument} for what is no such instruction.
void apply_changes(nlohmann::json& config, const std::vector<std::string>& changes);

struct NewImageConfig {
  nlohmann::json base;     // the configuration that it begins with; an object, maybe empty
  nlohmann::json config;   // the member "config"
  image::Digest layer;     // the new layer's diff ID
  std::string created_by;  // of the history's new entry
  std::string comment;
  std::string author;
  std::string architecture;
  sys::Timestamp now = 0;
};
// The document's text.
std::string image_config_text(const NewImageConfig& parts);

}  // namespace ctr::daemon
