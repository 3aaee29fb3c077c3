// --filter as users write it and as the API takes it. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cli/template/value.h"

namespace ctr::cli {

// {"status":{"running":true}} for "status=running", the form that every version of the API takes;
// "" without filters. Throws sys::Error for one without "=".
std::string filters_json(const std::vector<std::string>& filters);

}  // namespace ctr::cli
