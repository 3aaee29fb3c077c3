// `ctr info` without --format: the daemon's /info as people read it. Pure.
#pragma once

#include <string>

#include "cli/template/value.h"

namespace ctr::cli {

// Everything from "Server:" on.
std::string info_text(const Json& info);

}  // namespace ctr::cli
