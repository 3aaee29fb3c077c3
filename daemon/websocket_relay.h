// Carries a container's streams to a client that speaks websocket (a browser's terminal). Unlike a
// plain attach, where the monitor has the client's connection, this one lives on a thread of the
// daemon and ends with it.
#pragma once

#include "daemon/server/exchange.h"
#include "runtime/sys/unique_fd.h"

namespace ctr::daemon {

// The whole; false if the other side is gone.
bool send_all(int socket, std::string_view bytes);

// Until one side ends: what the client sends goes to `streams` (a blocking socket), what comes from
// there to the client in binary frames.
void relay_websocket(HijackedConnection client, sys::UniqueFd streams);

}  // namespace ctr::daemon
