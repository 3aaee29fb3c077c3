// What `ps` and `system df -v` show of a container: the API's summary as fields for --format. Pure.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "cli/format.h"

namespace ctr::cli {

struct RowOptions {
  bool truncate = true;
  int64_t now = 0;  // seconds since 1970
};

std::span<const Heading> container_headings();
Json container_row(const Json& container, const RowOptions& options);

// "53/udp, 443-444/tcp, 0.0.0.0:8080->80/tcp" of the summary's "Ports": neighbouring ports as
// ranges, those with another port on the host last.
std::string describe_ports(const Json& ports);

// "[::1]:80", "127.0.0.1:80"
std::string join_host_port(const std::string& host, int64_t port);

}  // namespace ctr::cli
