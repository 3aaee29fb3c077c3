// Names of the host's users, without the name service: this program is static.
#pragma once

#include <cstdint>
#include <string>

namespace ctr::runtime::oci {

// "root", or "#1000" for a uid that /etc/passwd does not know.
std::string owner_name(uint64_t uid);

}  // namespace ctr::runtime::oci
