// Devices of the host that a container gets (config-linux.md, "Network Devices"): moved into its network
// namespace with the addresses they have, under the name asked for, and up.
#pragma once

#include <map>
#include <string>

#include "runtime/network/interfaces.h"

namespace ctr::runtime {

// `devices`: the name on the host → the name inside. Error{not_found} for one that does not exist,
// Error{conflict} for a name that is taken inside. The kernel gives hardware back when the namespace goes,
// and deletes what is virtual. runs in: ctr-runtime, with one thread; needs CAP_NET_ADMIN and CAP_SYS_ADMIN.
void move_network_devices(const std::map<std::string, std::string>& devices,
                          NetworkNamespace target);

}  // namespace ctr::runtime
