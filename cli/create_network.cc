// plan_network(): networks, names, ports.
#include <arpa/inet.h>

#include <nlohmann/json.hpp>

#include "cli/create_request.h"
#include "cli/ports.h"
#include "cli/quantities.h"
#include "cli/volumes.h"

namespace ctr::cli {

namespace {

using nlohmann::json;

[[noreturn]] void invalid(const std::string& message) {
  throw sys::Error(sys::ErrorKind::invalid_argument, message);
}

void check_address(const std::string& address, int family, std::string_view flag) {
  unsigned char bytes[sizeof(in6_addr)];
  if (::inet_pton(family, address.c_str(), bytes) != 1)
    invalid(fmt::format("invalid argument \"{}\" for \"{}\" flag: it is not an {} address", address,
                        flag, family == AF_INET ? "IPv4" : "IPv6"));
}

void check_mac_address(const std::string& text) {
  bool valid = text.size() == 17;
  for (size_t i = 0; valid && i < text.size(); ++i)
    valid = i % 3 == 2 ? text[i] == ':' || text[i] == '-'
                       : std::isxdigit(static_cast<unsigned char>(text[i])) != 0;
  if (!valid)
    invalid(fmt::format("'{}' is not a MAC address; say for example 92:d0:c6:0a:29:33", text));
}

struct Network {
  std::string name;
  json endpoint = json::object();
};

void take_network_field(Network& network, const std::string& key, const std::string& value) {
  json& endpoint = network.endpoint;
  if (key == "name") {
    network.name = value;
  } else if (key == "alias") {
    endpoint["Aliases"].push_back(value);
  } else if (key == "ip") {
    check_address(value, AF_INET, "--network");
    endpoint["IPAMConfig"]["IPv4Address"] = value;
  } else if (key == "ip6") {
    check_address(value, AF_INET6, "--network");
    endpoint["IPAMConfig"]["IPv6Address"] = value;
  } else if (key == "link-local-ip") {
    endpoint["IPAMConfig"]["LinkLocalIPs"].push_back(value);
  } else if (key == "mac-address") {
    check_mac_address(value);
    endpoint["MacAddress"] = value;
  } else if (key == "gw-priority") {
    endpoint["GwPriority"] = parse_integer(value, "--network", INT32_MIN, INT32_MAX);
  } else if (key == "driver-opt") {
    size_t equals = value.find('=');
    if (equals == std::string::npos || equals == 0)
      invalid(fmt::format("invalid key value pair format in driver options: '{}'", value));
    endpoint["DriverOpts"][value.substr(0, equals)] = value.substr(equals + 1);
  } else {
    invalid(
        fmt::format("invalid field key {} in --network; there are name, alias, ip, ip6, "
                    "link-local-ip, mac-address, driver-opt and gw-priority",
                    key));
  }
}

// "front" or "name=front,alias=web".
Network parse_network(const std::string& text) {
  Network network;
  if (text.find('=') == std::string::npos) {
    network.name = text;
    return network;
  }
  for (const std::string& field : split_csv(text)) {
    size_t equals = field.find('=');
    if (equals == std::string::npos)
      invalid(fmt::format("invalid field '{}' in --network: say key=value", field));
    take_network_field(network, field.substr(0, equals), field.substr(equals + 1));
  }
  if (network.name.empty()) invalid(fmt::format("--network '{}' names no network", text));
  return network;
}

// --ip and its like are about the first network.
void apply_first_network_options(const ContainerOptions& o, Network& network) {
  json& endpoint = network.endpoint;
  auto only_once = [&](bool here, const char* option, const json::json_pointer& there) {
    if (here && endpoint.contains(there))
      invalid(fmt::format("conflicting options: cannot specify both --{} and per-network {}",
                          option, option));
  };
  only_once(!o.ip.empty(), "ip", "/IPAMConfig/IPv4Address"_json_pointer);
  only_once(!o.ip6.empty(), "ip6", "/IPAMConfig/IPv6Address"_json_pointer);
  only_once(!o.network_aliases.empty(), "network-alias", "/Aliases"_json_pointer);
  only_once(!o.mac_address.empty(), "mac-address", "/MacAddress"_json_pointer);
  for (const std::string& alias : o.network_aliases) endpoint["Aliases"].push_back(alias);
  if (!o.ip.empty()) {
    check_address(o.ip, AF_INET, "--ip");
    endpoint["IPAMConfig"]["IPv4Address"] = o.ip;
  }
  if (!o.ip6.empty()) {
    check_address(o.ip6, AF_INET6, "--ip6");
    endpoint["IPAMConfig"]["IPv6Address"] = o.ip6;
  }
  for (const std::string& ip : o.link_local_ips)
    endpoint["IPAMConfig"]["LinkLocalIPs"].push_back(ip);
  if (!o.mac_address.empty()) {
    check_mac_address(o.mac_address);
    endpoint["MacAddress"] = o.mac_address;
  }
}

void plan_endpoints(const ContainerOptions& o, json& config, json& host) {
  std::vector<Network> networks;
  for (const std::string& text : o.networks) networks.push_back(parse_network(text));
  if (networks.empty()) networks.push_back({.name = "default", .endpoint = json::object()});
  apply_first_network_options(o, networks.front());
  bool shared = networks.front().name == "host" || networks.front().name == "none" ||
                networks.front().name.starts_with("container:");
  if (shared && networks.size() > 1)
    invalid(
        fmt::format("conflicting options: cannot attach both user-defined and non-user-defined "
                    "network-modes ('{}' stands alone)",
                    networks.front().name));
  host["NetworkMode"] = networks.front().name;
  bool plain = networks.size() == 1 && networks.front().endpoint.empty();
  if (plain) return;
  json endpoints = json::object();
  for (const Network& network : networks) {
    if (endpoints.contains(network.name))
      invalid(fmt::format("network \"{}\" is specified multiple times", network.name));
    endpoints[network.name] = network.endpoint;
  }
  config["NetworkingConfig"]["EndpointsConfig"] = endpoints;
}

void plan_ports(const ContainerOptions& o, json& config, json& host) {
  for (const std::string& text : o.publish)
    for (const PortMapping& mapping : parse_publish(text)) {
      config["ExposedPorts"][mapping.container] = json::object();
      host["PortBindings"][mapping.container].push_back(
          {{"HostIp", mapping.host_ip}, {"HostPort", mapping.host_port}});
    }
  for (const std::string& text : o.expose)
    for (const std::string& port : parse_expose(text))
      config["ExposedPorts"][port] = json::object();
  if (o.publish_all) host["PublishAllPorts"] = true;
}

// "name:address" or "name=address"; the address may be "host-gateway".
std::string parse_extra_host(const std::string& text) {
  size_t split = text.find('=');
  if (split == std::string::npos) split = text.find(':');
  if (split == std::string::npos || split == 0)
    invalid(fmt::format("bad format for add-host: \"{}\"; say name:address", text));
  std::string address = text.substr(split + 1);
  if (address.size() > 2 && address.front() == '[' && address.back() == ']')
    address = address.substr(1, address.size() - 2);
  unsigned char bytes[sizeof(in6_addr)];
  if (address != "host-gateway" && ::inet_pton(AF_INET, address.c_str(), bytes) != 1 &&
      ::inet_pton(AF_INET6, address.c_str(), bytes) != 1)
    invalid(fmt::format("invalid IP address in add-host: \"{}\"", address));
  return text.substr(0, split) + ":" + address;
}

std::string checked_dns(const std::string& address) {
  unsigned char bytes[sizeof(in6_addr)];
  if (::inet_pton(AF_INET, address.c_str(), bytes) != 1 &&
      ::inet_pton(AF_INET6, address.c_str(), bytes) != 1)
    invalid(fmt::format("invalid argument \"{}\" for \"--dns\" flag: it is not an IP address",
                        address));
  return address;
}

}  // namespace

void plan_network(const ContainerOptions& options, json& config, json& host_config) {
  plan_endpoints(options, config, host_config);
  plan_ports(options, config, host_config);
  for (const std::string& text : options.add_hosts)
    host_config["ExtraHosts"].push_back(parse_extra_host(text));
  for (const std::string& text : options.dns) host_config["Dns"].push_back(checked_dns(text));
  if (!options.dns_options.empty()) host_config["DnsOptions"] = options.dns_options;
  if (!options.dns_search.empty()) host_config["DnsSearch"] = options.dns_search;
  if (!options.links.empty()) host_config["Links"] = options.links;
}

}  // namespace ctr::cli
