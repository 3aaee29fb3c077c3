// Whether ctr-runtime works for a user who has not the host's privileges.
#pragma once

#include <string>

namespace ctr::runtime::oci {

// `setting` is --rootless: "true", "false", or "auto": not root, or root of a user namespace only, as podman's
// users are.
bool is_rootless(const std::string& setting);

}  // namespace ctr::runtime::oci
