// /containers…: what clients do with containers. One function for each resource's file.
#pragma once

#include "daemon/containers.h"
#include "daemon/exec_sessions.h"
#include "daemon/server/exchange.h"

namespace ctr::daemon {

// Create, list, inspect, life cycle, removal, prune, update.
void add_container_routes(Router& router, Containers& containers, ExecSessions& execs);
// attach, logs, wait, resize: what streams or waits.
void add_container_stream_routes(Router& router, Containers& containers);
// Files into and out of a container.
void add_container_archive_routes(Router& router, Containers& containers);
// top, stats and timeline: what runs inside, what it takes, and how it was started.
void add_container_process_routes(Router& router, Containers& containers);

}  // namespace ctr::daemon
