// Names that containers know each other by, on the user-defined networks that they share: what the
// name server (daemon/dns) answers by itself. Runs in: ctrd.
#pragma once

#include <string>
#include <vector>

#include "daemon/containers.h"
#include "daemon/dns/name_server.h"
#include "daemon/networks/networks.h"

namespace ctr::daemon {

// The address of a container's name, short id, alias or host name, alone or before its network's
// name
// ("web.blue"); several containers may share an alias. And the name of an address (PTR).
// `resolvers` are the daemon's own (--dns).
dns::Knowledge look_up_name(Containers& containers, const std::string& container_id,
                            const dns::Query& query, const std::vector<std::string>& resolvers);

}  // namespace ctr::daemon
