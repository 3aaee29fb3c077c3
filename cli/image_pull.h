// Pulling as `pull` asks for it, and `run` and `create` where an image is missing.
#pragma once

#include <string>

#include "cli/command.h"
#include "cli/reference.h"

namespace ctr::cli {

struct PullOptions {
  std::string platform;  // "linux/arm64"; empty: the daemon's own
  bool quiet = false;
  int progress_fd = 1;  // where the progress is shown
};

// Returns once the image is there. Throws sys::Error.
void pull_image(Context& context, const ImageName& image, const PullOptions& options);

// Adds the user's credentials for a registry's domain, if there are any: from config.json or from
// the helper that it names.
void add_registry_auth(Context& context, const std::string& domain, Request& request);

}  // namespace ctr::cli
