// What -p and --expose say. Pure; errors are sys::Error{invalid_argument}.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace ctr::cli {

struct PortMapping {
  std::string container;  // "80/tcp"
  std::string host_ip;    // empty: all addresses
  std::string host_port;  // empty: a free one; "8000-8010": a free one of these
};

// "[[address:][host port]:]container port[/protocol]", ports may be ranges: one mapping for each.
std::vector<PortMapping> parse_publish(std::string_view text);

// "80", "80/udp", "3000-3005/tcp": {"80/tcp"}.
std::vector<std::string> parse_expose(std::string_view text);

}  // namespace ctr::cli
