// Images as the API shows them. Pure but for sizes, which it asks the stores for. Internal to
// routes/images.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "daemon/images.h"
#include "daemon/server/exchange.h"

namespace ctr::daemon {

struct ImageListOptions {
  ApiVersion version{};
  bool shared_size = false;
  bool manifests = false;
};

nlohmann::json image_summary_json(const Images& images, const ImageFacts& facts,
                                  const ImageListOptions& options);
nlohmann::json image_inspect_json(const Images& images, const image::Image& image,
                                  ApiVersion version);
nlohmann::json image_history_json(const Images& images, const image::Image& image);
nlohmann::json image_removals_json(const std::vector<image::ImageRemoval>& removals);

}  // namespace ctr::daemon
