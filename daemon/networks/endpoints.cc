// Networks: who is connected, and with which address. The rest of the class is in networks.cc and
// creation.cc.
#include <algorithm>
#include <utility>

#include "daemon/networks/bridge.h"
#include "daemon/networks/networks.h"
#include "daemon/networks/records.h"
#include "image/database.h"
#include "runtime/network/interfaces.h"
#include "runtime/sys/error.h"
#include "runtime/sys/file.h"

namespace ctr::daemon {

using image::Transaction;
using records::EndpointsOf;
using sys::Error;
using sys::ErrorKind;

namespace {

[[noreturn]] void refuse(std::string message) {
  throw Error(ErrorKind::invalid_argument, std::move(message));
}

std::string new_host_interface() {
  return std::string(port_prefix) + sys::random_hex(5);
}

std::string choose_mac(const std::string& requested, uint32_t address) {
  if (requested.empty()) return mac_of_address(address);
  auto mac = runtime::parse_mac_address(requested);
  // The lowest bit of the first byte marks a group of receivers: no interface can have it.
  if (!mac || (mac->bytes[0] & 1) != 0) refuse(fmt::format("invalid MAC address: {}", requested));
  return requested;
}

bool is_taken(const std::vector<EndpointSettings>& others, const std::string& name) {
  return std::any_of(others.begin(), others.end(),
                     [&](const EndpointSettings& other) { return other.interface == name; });
}

// The first of eth0, eth1 … that none of the container's endpoints has, or the name that was asked
// for.
std::string choose_interface(const Network& network, const std::string& requested,
                             const std::vector<EndpointSettings>& others) {
  if (!requested.empty()) {
    check_bridge_name(requested);
    if (requested == "lo" || is_taken(others, requested))
      throw Error(ErrorKind::conflict,
                  fmt::format("the interface name '{}' is in use already", requested));
    return requested;
  }
  std::string prefix = network.option(bridge_option::interface_prefix);
  if (prefix.empty()) prefix = "eth";
  for (int number = 0;; ++number)
    if (std::string name = fmt::format("{}{}", prefix, number); !is_taken(others, name))
      return name;
}

}  // namespace

PortRule port_rule(const EndpointSettings& endpoint, const PublishedPort& port) {
  const std::string& address = is_ipv6(port) ? endpoint.ip6 : endpoint.ip;
  if (address.empty())
    refuse(fmt::format("cannot publish a port on [{}]: the network {} has no IPv6 subnet "
                       "(docker network create --ipv6)",
                       port.host_ip, endpoint.network_name));
  return {port, address};
}

namespace {

// Whose gateway comes before whose.
bool precedes(const EndpointSettings& a, const EndpointSettings& b) {
  return std::tuple(-a.gateway_priority, a.gateway.empty(), a.network_name) <
         std::tuple(-b.gateway_priority, b.gateway.empty(), b.network_name);
}

}  // namespace

const EndpointSettings* find_way_out(const std::vector<EndpointSettings>& endpoints) {
  const EndpointSettings* first = nullptr;
  for (const EndpointSettings& endpoint : endpoints)
    if (!endpoint.gateway.empty() && (first == nullptr || precedes(endpoint, *first)))
      first = &endpoint;
  return first;
}

std::vector<runtime::NetworkInterface> plan_interfaces(std::vector<EndpointSettings> endpoints) {
  std::sort(endpoints.begin(), endpoints.end(), precedes);
  // One default route a family.
  bool has_route = false;
  bool has_route6 = false;
  std::vector<runtime::NetworkInterface> interfaces;
  for (const EndpointSettings& endpoint : endpoints) {
    if (endpoint.driver != NetworkDriver::bridge) continue;
    interfaces.push_back({.name = endpoint.interface,
                          .host_name = endpoint.host_interface,
                          .bridge = endpoint.bridge,
                          .mac_address = endpoint.mac,
                          .address = fmt::format("{}/{}", endpoint.ip, endpoint.prefix),
                          .gateway = has_route ? "" : endpoint.gateway,
                          .address6 = endpoint.ip6.empty()
                                          ? ""
                                          : fmt::format("{}/{}", endpoint.ip6, endpoint.prefix6),
                          .gateway6 = has_route6 ? "" : endpoint.gateway6,
                          .mtu = endpoint.mtu,
                          .isolated = endpoint.isolated});
    has_route = has_route || !endpoint.gateway.empty();
    has_route6 = has_route6 || !endpoint.gateway6.empty();
  }
  return interfaces;
}

void Networks::ensure_ready(const Network& network) {
  if (!network.pool || host_.is_ready(network)) return;
  std::lock_guard lock(host_mutex_);
  host_.ensure(network, port_rules(network));
}

std::vector<PortRule> Networks::port_rules(const Network& network) const {
  std::vector<PortRule> rules;
  for (const EndpointSettings& endpoint : endpoints_in(network.id))
    for (const PublishedPort& port : endpoint.ports) rules.push_back(port_rule(endpoint, port));
  return rules;
}

void Networks::move_ports(EndpointSettings holder, EndpointSettings target) {
  const std::optional<Network> from = records::find_network(database_, holder.network_id);
  const std::optional<Network> to = records::find_network(database_, target.network_id);
  if (!from || !to) return;
  target.ports = host_.move_ports(*from, holder, *to, target);
  holder.ports.clear();
  Transaction transaction(database_);
  records::update_ports(database_, holder);
  records::update_ports(database_, target);
  transaction.commit();
}

void Networks::place_ports(std::string_view container_id, const std::vector<PortRequest>& requests,
                           std::string_view leaving_network) {
  std::vector<EndpointSettings> endpoints = endpoints_of(container_id);
  auto holder = std::find_if(endpoints.begin(), endpoints.end(),
                             [](const auto& endpoint) { return !endpoint.ports.empty(); });
  if (holder == endpoints.end() && requests.empty()) return;
  std::vector<EndpointSettings> staying = endpoints;
  std::erase_if(staying, [&](const auto& e) { return e.network_id == leaving_network; });
  const EndpointSettings* way_out = find_way_out(staying);
  if (way_out == nullptr) return;  // as Docker: nobody is outside
  try {
    if (holder == endpoints.end()) {
      EndpointSettings target = *way_out;
      target.ports = host_.publish(get(target.network_id), target, requests);
      records::update_ports(database_, target);
    } else if (holder->endpoint_id != way_out->endpoint_id) {
      move_ports(*holder, *way_out);
    }
  } catch (const Error& error) {
    throw Error(error.kind(), fmt::format("failed to set up container networking: driver failed "
                                          "programming external connectivity on endpoint {}: {}",
                                          way_out->endpoint_id.substr(0, 12), error.what()));
  }
}

// The caller holds a transaction.
uint32_t Networks::choose_address(const Network& network, const std::string& requested) {
  const AddressPool& pool = network.pool.value();
  auto taken = [&](uint32_t address) {
    return network.is_auxiliary(address) ||
           records::address_is_taken(database_, network.id, address);
  };
  if (!requested.empty()) {
    auto address = runtime::parse_ipv4(requested);
    if (!address) refuse(fmt::format("invalid IPv4 address: {}", requested));
    if (!may_be_given(pool, *address))
      refuse(fmt::format("no configured subnet or ip range contain the IP address {}", requested));
    if (taken(*address))
      throw Error(ErrorKind::conflict, fmt::format("Address already in use: {}", requested));
    return *address;
  }
  std::optional<uint32_t> address;
  // Counting is one look at an index; walking around a full /16 would be 65 534.
  if (records::count_endpoints(database_, network.id) < capacity(pool))
    address = next_address(pool, records::last_address(database_, network.id), taken);
  if (!address)
    throw Error(ErrorKind::unavailable,
                fmt::format("no available IPv4 addresses on network {} ({}): all are in use",
                            network.name, to_string(pool.range)));
  records::set_last_address(database_, network.id, *address);
  return *address;
}

// The caller holds a transaction. `address`: the endpoint's IPv4 address.
std::string Networks::choose_address6(const Network& network, const std::string& requested,
                                      uint32_t address) {
  const AddressPool6& pool = network.pool6.value();
  auto taken = [&](const Ipv6Address& candidate) {
    return network.is_auxiliary(candidate) ||
           records::address6_is_taken(database_, network.id, format_ipv6(candidate));
  };
  if (!requested.empty()) {
    auto wanted = runtime::parse_ipv6(requested);
    if (!wanted) refuse(fmt::format("invalid IPv6 address: {}", requested));
    if (!may_be_given(pool, *wanted))
      refuse(fmt::format("no configured subnet or ip range contain the IP address {}", requested));
    if (taken(*wanted))
      throw Error(ErrorKind::conflict, fmt::format("Address already in use: {}", requested));
    return format_ipv6(*wanted);
  }
  auto chosen =
      ctr::daemon::choose_address6(pool, address - network.pool.value().subnet.address, taken);
  if (!chosen)
    throw Error(ErrorKind::unavailable,
                fmt::format("no available IPv6 addresses on network {} ({})", network.name,
                            to_string(pool.subnet)));
  return format_ipv6(*chosen);
}

EndpointSettings Networks::attach(const AttachRequest& request) {
  Network network = get(request.network);
  ensure_ready(network);
  EndpointSettings endpoint{.network_id = network.id,
                            .network_name = network.name,
                            .driver = network.driver,
                            .endpoint_id = sys::random_hex(32),
                            .container_id = request.container_id,
                            .gateway_priority = request.gateway_priority,
                            .aliases = request.aliases};
  Transaction transaction(database_);
  auto others = records::list_endpoints(database_, EndpointsOf::container, request.container_id);
  std::erase_if(others, [&](const EndpointSettings& other) {
    if (other.network_id == network.id) records::delete_endpoint(database_, other.endpoint_id);
    return other.network_id == network.id;
  });
  if (network.pool) {
    uint32_t address = choose_address(network, request.ip);
    endpoint.ip = format_ipv4(address);
    endpoint.prefix = network.pool->subnet.prefix;
    if (!network.internal) endpoint.gateway = format_ipv4(network.pool->gateway);
    if (network.pool6) {
      endpoint.ip6 = choose_address6(network, request.ip6, address);
      endpoint.prefix6 = network.pool6->subnet.prefix;
      if (!network.internal) endpoint.gateway6 = format_ipv6(network.pool6->gateway);
    } else if (!request.ip6.empty()) {
      refuse(fmt::format("the network {} has no IPv6 subnet that {} could be of", network.name,
                         request.ip6));
    }
    endpoint.mac = choose_mac(request.mac, address);
    endpoint.interface = choose_interface(network, request.interface, others);
    endpoint.host_interface = new_host_interface();
    endpoint.bridge = network.bridge;
    endpoint.mtu = network.mtu;
    endpoint.isolated = !network.connects_containers();
  }
  records::insert_endpoint(database_, endpoint);
  transaction.commit();
  publish("connect", network, request.container_id);
  return endpoint;
}

void Networks::release_endpoints(const std::vector<EndpointSettings>& endpoints) {
  if (endpoints.empty()) return;
  for (const EndpointSettings& endpoint : endpoints) {
    auto network = records::find_network(database_, endpoint.network_id);
    if (network && !endpoint.ports.empty()) host_.unpublish(*network, endpoint);
  }
  Transaction transaction(database_);
  for (const EndpointSettings& endpoint : endpoints)
    records::delete_endpoint(database_, endpoint.endpoint_id);
  transaction.commit();
  for (const EndpointSettings& endpoint : endpoints)
    if (auto network = records::find_network(database_, endpoint.network_id))
      publish("disconnect", *network, endpoint.container_id);
}

void Networks::release(std::string_view container_id) {
  release_endpoints(records::list_endpoints(database_, EndpointsOf::container, container_id));
}

void Networks::release(std::string_view container_id, std::string_view network_id) {
  auto endpoints = records::list_endpoints(database_, EndpointsOf::container, container_id);
  std::erase_if(endpoints, [&](const EndpointSettings& e) { return e.network_id != network_id; });
  release_endpoints(endpoints);
}

void Networks::release_unowned(const std::set<std::string>& container_ids) {
  std::vector<EndpointSettings> unowned;
  std::set<std::string> ports;
  for (EndpointSettings& endpoint : records::list_endpoints(database_, EndpointsOf::all)) {
    if (container_ids.contains(endpoint.container_id)) {
      ports.insert(endpoint.host_interface);
      host_.hold_ports(endpoint);
    } else {
      unowned.push_back(std::move(endpoint));
    }
  }
  release_endpoints(unowned);
  for (const Network& network : records::list_networks(database_))
    if (network.pool) host_.remove_ports_except(network, ports);
}

std::vector<EndpointSettings> Networks::endpoints_of(std::string_view container_id) const {
  return records::list_endpoints(database_, EndpointsOf::container, container_id);
}

bool Networks::has_names(const std::vector<EndpointSettings>& endpoints) const {
  return std::any_of(endpoints.begin(), endpoints.end(), [&](const EndpointSettings& endpoint) {
    if (endpoint.driver != NetworkDriver::bridge) return false;
    std::optional<Network> network = records::find_network(database_, endpoint.network_id);
    return network && !network->predefined;
  });
}

std::vector<EndpointSettings> Networks::endpoints_in(std::string_view network_id) const {
  return records::list_endpoints(database_, EndpointsOf::network, network_id);
}

}  // namespace ctr::daemon
