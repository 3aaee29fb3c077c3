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

}  // namespace ctr::cli
