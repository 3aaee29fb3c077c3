#include "daemon/networks/host_networking.h"

#include <algorithm>
#include <utility>

#include "daemon/networks/bridge.h"
#include "daemon/networks/firewall.h"
#include "runtime/network/interfaces.h"
#include "runtime/sys/error.h"

namespace ctr::daemon {

HostNetworking::HostNetworking(Warn warn, Duties duties)
    : warn_(std::move(warn)), forwarding_(duties.forwarding), firewall_(duties.firewall) {}

HostNetworking::~HostNetworking() {
  for (std::thread& deletion : deletions_) deletion.join();
}

bool HostNetworking::is_ready(const Network& network) {
  auto link = runtime::find_link(network.bridge);
  return link && link->up &&
         (!firewall_ || table_exists(network.bridge, network.pool6.has_value()));
}

void HostNetworking::ensure(const Network& network, const std::vector<PortRule>& ports) {
  const AddressPool& pool = network.pool.value();
  ensure_bridge({.name = network.bridge,
                 .address = pool.gateway,
                 .prefix = pool.subnet.prefix,
                 .address6 = network.pool6 ? fmt::format("{}/{}", format_ipv6(network.pool6->gateway),
                                                         network.pool6->subnet.prefix)
                                           : "",
                 .mtu = network.mtu});
  if (!network.internal && forwarding_) enable_forwarding();
  if (!network.internal && forwarding_ && network.pool6) enable_forwarding6();
  if (firewall_) ensure_firewall(network, ports);
}

// Without a firewall, containers still reach each other and the host: a warning, not a failure.
void HostNetworking::ensure_firewall(const Network& network,
                                     const std::vector<PortRule>& ports) {
  try {
    apply_table({.bridge = network.bridge,
                 .subnet = network.pool.value().subnet,
                 .subnet6 = network.pool6 ? std::optional(network.pool6->subnet) : std::nullopt,
                 .connects_containers = network.connects_containers(),
                 .internal = network.internal,
                 .masquerade = network.masquerade(),
                 .source_address = network.option(bridge_option::source_address),
                 .ports = ports});
    if (network.internal) return;
    enable_local_routing(network.bridge);
    if (auto warning = open_foreign_firewall(network.bridge)) warn_once(*warning);
  } catch (const sys::Error& error) {
    if (network.internal) throw;  // would not be internal
    firewall_ = false;
    warn_once(error.what());
  }
}

namespace {

std::vector<PortRule> rules_of(const EndpointSettings& endpoint,
                               const std::vector<PublishedPort>& ports) {
  std::vector<PortRule> rules;
  for (const PublishedPort& port : ports) rules.push_back(port_rule(endpoint, port));
  return rules;
}

// A port that was asked for without an address is at the one that the network says; if that is
// every address, and the network has IPv6, on those of that family, too, under the same number.
PortRequest on_ipv4(const Network& network, PortRequest request) {
  if (!request.host_ip.empty()) return request;
  request.host_ip = network.option(bridge_option::host_binding);
  if (request.host_ip.empty()) request.host_ip = any_ipv4;
  return request;
}

std::optional<PortRequest> on_ipv6(const Network& network, const PortRequest& asked,
                                   const PublishedPort& port) {
  if (!network.pool6 || !asked.host_ip.empty() || port.host_ip != any_ipv4) return std::nullopt;
  return PortRequest{.protocol = port.protocol,
                     .container_port = port.container_port,
                     .host_ip = any_ipv6,
                     .first = port.host_port,
                     .last = port.host_port};
}

// The same ports of the host again; both families of one are one request.
std::vector<PortRequest> plan_move(const std::vector<PublishedPort>& ports) {
  std::vector<PortRequest> requests;
  for (const PublishedPort& port : ports) {
    const bool is_pair = std::any_of(ports.begin(), ports.end(), [&](const PublishedPort& other) {
      return other.host_port == port.host_port && other.protocol == port.protocol &&
             other.host_ip == (port.host_ip == any_ipv6 ? any_ipv4 : any_ipv6);
    });
    if (is_pair && port.host_ip == any_ipv6) continue;
    requests.push_back({.protocol = port.protocol,
                        .container_port = port.container_port,
                        .host_ip = is_pair || port.host_ip == any_ipv4 ? "" : port.host_ip,
                        .first = port.host_port,
                        .last = port.host_port});
  }
  return requests;
}

}  // namespace

std::vector<PublishedPort> HostNetworking::hold_for(const Network& network,
                                                    const std::string& container_id,
                                                    const std::vector<PortRequest>& ports) {
  std::vector<PortRequest> requests;
  for (const PortRequest& port : ports) requests.push_back(on_ipv4(network, port));
  std::vector<PublishedPort> held = sockets_.hold(container_id, requests);
  std::vector<PortRequest> pairs;
  for (size_t i = 0; i < ports.size(); ++i)
    if (auto pair = on_ipv6(network, ports[i], held[i])) pairs.push_back(std::move(*pair));
  for (PublishedPort& port : sockets_.hold(container_id, pairs)) held.push_back(std::move(port));
  return held;
}

std::vector<PublishedPort> HostNetworking::publish(const Network& network,
                                                   const EndpointSettings& endpoint,
                                                   const std::vector<PortRequest>& ports) {
  if (!firewall_)
    throw sys::Error(
        sys::ErrorKind::unsupported,
        "ports cannot be published without a firewall: install nftables and start ctrd "
        "again, without --iptables=false");
  try {
    std::vector<PublishedPort> published = hold_for(network, endpoint.container_id, ports);
    open_ports(network.bridge, rules_of(endpoint, published));
    return published;
  } catch (...) {
    sockets_.release(endpoint.container_id);
    throw;
  }
}

std::vector<PublishedPort> HostNetworking::move_ports(const Network& network,
                                                      const EndpointSettings& endpoint,
                                                      const Network& to_network,
                                                      const EndpointSettings& to) {
  const std::string& owner = endpoint.container_id;
  try {
    std::vector<PublishedPort> moved = hold_for(to_network, owner, plan_move(endpoint.ports));
    const std::vector<PortRule> rules = rules_of(to, moved);
    close_ports(network.bridge, rules_of(endpoint, endpoint.ports));
    open_ports(to_network.bridge, rules);
    sockets_.release_except(owner, moved);
    return moved;
  } catch (...) {
    sockets_.release_except(owner, endpoint.ports);
    throw;
  }
}

void HostNetworking::hold_ports(const EndpointSettings& endpoint) {
  for (const PublishedPort& port : endpoint.ports)
    if (!sockets_.hold_again(endpoint.container_id, port))
      warn_(fmt::format("port {}:{} leads to container {}, but somebody took it while ctrd was away",
                        port.host_ip, port.host_port, endpoint.container_id.substr(0, 12)));
}

void HostNetworking::unpublish(const Network& network, const EndpointSettings& endpoint) {
  try {
    close_ports(network.bridge, rules_of(endpoint, endpoint.ports));
  } catch (const sys::Error& error) {
    warn_(fmt::format("ports of container {}: {}", endpoint.container_id.substr(0, 12),
                      error.what()));
  }
  sockets_.release(endpoint.container_id);
}

void HostNetworking::expect_unpublish(const std::string& container_id) {
  sockets_.expect_release(container_id);
}

void HostNetworking::remove(const Network& network) {
  if (firewall_) {
    remove_table(network.bridge);
    close_foreign_firewall(network.bridge);
  }
  remove_bridge(network.bridge);
}

void HostNetworking::remove_ports_except(const Network& network, std::set<std::string> keep) {
  // Listed now: links that come later belong to containers that start later.
  std::vector<int> stale = container_ports_except(network.bridge, keep);
  if (stale.empty()) return;
  std::lock_guard lock(mutex_);
  deletions_.emplace_back([this, stale = std::move(stale)] {
    try {
      runtime::delete_links(stale);
    } catch (const std::exception& error) {
      warn_once(error.what());
    }
  });
}

std::vector<Subnet> HostNetworking::used_subnets() {
  return routed_subnets();
}

std::string HostNetworking::address_of(const std::string& bridge) {
  std::vector<std::string> addresses = addresses_of(bridge);
  return addresses.empty() ? "" : addresses.front();
}

void HostNetworking::warn_once(const std::string& text) {
  {
    std::lock_guard lock(mutex_);
    if (!warned_.insert(text).second) return;
  }
  warn_(text);
}

}  // namespace ctr::daemon
