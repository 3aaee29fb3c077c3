// /exec and /containers/{id}/exec: further processes in running containers.
#pragma once

#include "daemon/exec_sessions.h"
#include "daemon/server/exchange.h"

namespace ctr::daemon {

void add_exec_routes(Router& router, ExecSessions& execs);

}  // namespace ctr::daemon
