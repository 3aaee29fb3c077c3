// What `ctr stats` shows of a container: the API's sample as fields for --format. Pure.
#pragma once

#include <span>
#include <string>

#include "cli/format.h"

namespace ctr::cli {

std::span<const Heading> stats_headings();
// `asked` is how the user named the container; `sample` is null where none has come yet.
Json stats_row(const std::string& asked, const Json& sample, bool truncate);

}  // namespace ctr::cli
