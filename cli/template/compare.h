// eq, lt and their like over template values, by Go's rules: only values of one basic kind compare.
#pragma once

#include <string_view>

#include "cli/template/value.h"

namespace ctr::cli {

// Throw sys::Error "error calling eq: incompatible types for comparison".
bool values_equal(std::string_view function, const Value& a, const Value& b);
bool value_less(std::string_view function, const Value& a, const Value& b);

}  // namespace ctr::cli
