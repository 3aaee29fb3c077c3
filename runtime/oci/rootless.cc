#include "runtime/oci/rootless.h"

#include <unistd.h>

#include <sstream>

#include "runtime/sys/file.h"

namespace ctr::runtime::oci {

namespace {

// user_namespaces(7): the first namespace maps all ids to themselves.
bool is_first_user_namespace() {
  std::istringstream map(sys::find_file("/proc/self/uid_map").value_or("0 0 4294967295"));
  unsigned long inside = 0, outside = 0, count = 0;
  map >> inside >> outside >> count;
  return inside == 0 && outside == 0 && count == 4294967295;
}

}  // namespace

bool is_rootless(const std::string& setting) {
  if (setting != "auto") return setting == "true";
  return ::geteuid() != 0 || !is_first_user_namespace();
}

}  // namespace ctr::runtime::oci
