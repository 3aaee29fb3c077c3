// What this runtime can do, in the form of the runtime specification (features.md). Pure.
#pragma once

#include <string>
#include <vector>

namespace ctr::runtime::oci {

const std::vector<std::string>& known_mount_options();
const std::vector<std::string>& known_seccomp_actions();
const std::vector<std::string>& known_seccomp_operators();
const std::vector<std::string>& known_seccomp_architectures();
const std::vector<std::string>& known_seccomp_flags();

std::string features_json();

}  // namespace ctr::runtime::oci
