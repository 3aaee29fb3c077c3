#include "daemon/networks/host_networking.h"

#include <utility>

#include "daemon/networks/bridge.h"
#include "daemon/networks/firewall.h"
#include "runtime/network/interfaces.h"
#include "runtime/sys/error.h"

namespace ctr::daemon {

HostNetworking::HostNetworking(Warn warn, bool firewall)
    : warn_(std::move(warn)), firewall_(firewall) {}

HostNetworking::~HostNetworking() {
  for (std::thread& deletion : deletions_) deletion.join();
}

bool HostNetworking::is_ready(const Network& network) {
  auto link = runtime::find_link(network.bridge);
  return link && link->up && (!firewall_ || table_exists(network.bridge));
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
  if (!network.internal) enable_forwarding();
  if (!network.internal && network.pool6) enable_forwarding6();
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

// What is published on every address is so on those of both families, under one number.
std::vector<PortRequest> plan_ipv6_ports(const std::vector<PublishedPort>& ports) {
  std::vector<PortRequest> requests;
  for (const PublishedPort& port : ports)
    if (port.host_ip == any_ipv4)
      requests.push_back({.protocol = port.protocol,
                          .container_port = port.container_port,
                          .host_ip = any_ipv6,
                          .first = port.host_port,
                          .last = port.host_port});
  return requests;
}

}  // namespace

std::vector<PublishedPort> HostNetworking::publish(const Network& network,
                                                   const EndpointSettings& endpoint,
                                                   const std::vector<PortRequest>& ports) {
  if (!firewall_)
    throw sys::Error(sys::ErrorKind::unsupported,
                     "ports cannot be published without a firewall: install nftables and start ctrd "
                     "again, without --iptables=false");
  std::vector<PublishedPort> published = sockets_.hold(endpoint.container_id, ports);
  try {
    if (network.pool6)
      for (PublishedPort& port : sockets_.hold(endpoint.container_id, plan_ipv6_ports(published)))
        published.push_back(std::move(port));
    open_ports(network.bridge, rules_of(endpoint, published));
  } catch (...) {
    sockets_.release(endpoint.container_id);
    throw;
  }
  return published;
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
