// Published ports as values: what a container asks for, what it got, and the rules that follow. Pure.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace ctr::daemon {

// One wish of -p or -P.
struct PortRequest {
  std::string protocol = "tcp";  // "tcp", "udp", "sctp"
  uint16_t container_port = 0;
  std::string host_ip{};  // empty: where the network says, by default every address of the host
  uint16_t first = 0, last = 0;  // one of these; 0: any that is free
};

// A port of the host that leads to a container.
struct PublishedPort {
  std::string protocol{};
  std::string host_ip{};  // "0.0.0.0", "::": every address of the host, of that family
  uint16_t host_port = 0;
  uint16_t container_port = 0;
};

// With the address that it leads to: what the firewall has to know.
struct PortRule {
  PublishedPort port;
  std::string container_ip;
};

inline constexpr const char* any_ipv4 = "0.0.0.0";
inline constexpr const char* any_ipv6 = "::";
bool is_ipv6(const PublishedPort& port);

// "80/tcp", "53/udp"; "80" is TCP. Throws Error{invalid_argument} for anything else.
struct PortName {
  uint16_t port = 0;
  std::string protocol{};
};
PortName parse_port_name(const std::string& text);

// From a normalised HostConfig (PortBindings, PublishAllPorts) and the exposed ports ("80/tcp",
// "3000-3005/udp"). Throws Error{invalid_argument} for what is no port, no address, or too many.
std::vector<PortRequest> plan_ports(const nlohmann::json& host_config,
                                    const std::vector<std::string>& exposed);

// As the database keeps them.
nlohmann::json to_json(const std::vector<PublishedPort>& ports);
std::vector<PublishedPort> parse_published_ports(const nlohmann::json& ports);

}  // namespace ctr::daemon
