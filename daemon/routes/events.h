// GET /events: what happened since, and what happens, until the client or `until` ends it.
#pragma once

#include "daemon/events.h"
#include "daemon/server/exchange.h"

namespace ctr::daemon {

void add_event_routes(Router& router, Events& events);

}  // namespace ctr::daemon
