// The environment of a container's process. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "runtime/spec.h"

namespace ctr::runtime {

inline constexpr std::string_view default_path =
    "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

// The process's own variables; of a name that stands twice the last counts; HOME is added where it is
// missing. Entries without a name or with a NUL are dropped (attack U08).
std::vector<std::string> complete_environment(const Process& process, const std::string& home);

// The value of a variable, or `otherwise`.
std::string environment_value(const std::vector<std::string>& environment, std::string_view name,
                              std::string_view otherwise);

}  // namespace ctr::runtime
