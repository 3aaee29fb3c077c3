// The functions of format templates: Go's own (eq, index, printf …) and Docker's (json, join …).
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cli/template/value.h"

namespace ctr::cli {

bool is_template_function(std::string_view name);

// Throws sys::Error{invalid_argument}: "error calling index: index out of range: 3". `and` and `or`
// are the evaluator's, which does not evaluate what they need not know.
Value call_template_function(std::string_view name, std::span<const Value> arguments);

// Go's fmt.Sprintf.
std::string print_formatted(std::string_view format, std::span<const Value> arguments);

// Go's %q.
std::string quote(std::string_view text);

}  // namespace ctr::cli
