// What `images` and `system df -v` show of an image: one row for each of its names. Pure.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "cli/commands/container_rows.h"
#include "cli/format.h"

namespace ctr::cli {

std::span<const Heading> image_headings();

// `with_digests`: a row for each digest of a name instead of "<none>".
std::vector<Json> image_rows(const Json& image, const RowOptions& options, bool with_digests);

// "registry:5000/team/app:v1" into its two parts; the tag is "" if there is none.
std::pair<std::string, std::string> split_tag(const std::string& reference);

}  // namespace ctr::cli
