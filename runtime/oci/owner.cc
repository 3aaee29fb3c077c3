#include "runtime/oci/owner.h"

#include "runtime/accounts.h"
#include "runtime/sys/file.h"

namespace ctr::runtime::oci {

std::string owner_name(uint64_t uid) {
  for (const PasswdEntry& entry : parse_passwd(sys::find_file("/etc/passwd").value_or("")))
    if (entry.uid == uid) return entry.name;
  return "#" + std::to_string(uid);
}

}  // namespace ctr::runtime::oci
