// The resolvers that questions are passed on to: sockets to them, and a whole exchange by TCP.
// Runs in: ctrd, in the network namespace that it was started in.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "runtime/sys/unique_fd.h"

namespace ctr::daemon::dns {

// A connected UDP socket, non-blocking, from a random port; nullopt for an address that is none or
// cannot be reached. `server` is an IPv4 or IPv6 address.
std::optional<sys::UniqueFd> connect_udp(const std::string& server);

// Sends one message and waits for the answer; nullopt if none comes in some seconds.
std::optional<std::string> exchange_tcp(const std::string& server, std::string_view message);

// Messages over TCP have their length before them (RFC 1035, section 4.2.2). nullopt at the end of
// the stream, or where it takes too long.
std::optional<std::string> read_tcp_message(int socket);
bool write_tcp_message(int socket, std::string_view message);

}  // namespace ctr::daemon::dns
