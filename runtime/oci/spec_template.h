// The config.json that `spec` writes. Pure.
#pragma once

#include <sys/types.h>

#include <string>

namespace ctr::runtime::oci {

std::string spec_template();
// For a user without privileges: in a user namespace in which `uid` and `gid` are root.
std::string rootless_spec_template(uid_t uid, gid_t gid);

}  // namespace ctr::runtime::oci
