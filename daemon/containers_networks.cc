// Networks of containers that exist: connecting and disconnecting, also while they run.
#include <fcntl.h>
#include <sched.h>

#include <algorithm>
#include <future>
#include <nlohmann/json.hpp>

#include "daemon/api/json.h"
#include "daemon/container_links.h"
#include "daemon/containers.h"
#include "runtime/network/interfaces.h"
#include "runtime/sys/error.h"
#include "runtime/sys/file.h"

namespace ctr::daemon {

namespace {

using nlohmann::json;
using sys::Error;
using sys::ErrorKind;

// The process is the container's first: its monitor reaps it, so that as long as the container
// counts as running, and a moment longer, the number is its own.
sys::UniqueFd open_network(int pid) {
  auto space = sys::find_at(AT_FDCWD, fmt::format("/proc/{}/ns/net", pid), O_RDONLY);
  if (!space) throw Error(ErrorKind::conflict, "the container is not running any more");
  return std::move(*space);
}

// On a thread of its own: which namespace a thread is in is its own matter.
void in_network(const sys::UniqueFd& space, const std::function<void()>& act) {
  std::async(std::launch::async, [&] {
    sys::check(::setns(space.get(), CLONE_NEWNET), "setns into the network namespace");
    act();
  }).get();
}

void expect_connectable(const ContainerRecord& record) {
  const std::string& mode = record.host.network_mode;
  if (mode == "host" || mode.starts_with("container:"))
    throw Error(ErrorKind::invalid_argument,
                "container sharing network namespace with another container or host cannot be "
                "connected to any other network");
  if (mode == "none")
    throw Error(ErrorKind::invalid_argument,
                "container cannot be connected to multiple networks with one of the networks in "
                "private (none) mode");
}

// The key of the network in the container's configuration: as the user wrote it, or its name.
std::optional<std::string> find_endpoint_key(const json& networking, const Network& network) {
  const json& endpoints = networking.at("EndpointsConfig");
  for (auto endpoint = endpoints.begin(); endpoint != endpoints.end(); ++endpoint)
    if (endpoint.key() == network.name || endpoint.key() == network.id) return endpoint.key();
  return std::nullopt;
}

bool is_left(const json& networking) {
  return networking.contains(left_mode_key);
}

// Which of them would have the default routes, as a start would give them: interfaces with gateways of
// one family or both.
std::vector<runtime::NetworkInterface> default_routes(
    const std::vector<EndpointSettings>& endpoints) {
  std::vector<runtime::NetworkInterface> routes = plan_interfaces(endpoints);
  std::erase_if(routes, [](const runtime::NetworkInterface& interface) {
    return interface.gateway.empty() && interface.gateway6.empty();
  });
  return routes;
}

// As a start would give them, whatever they were.
void set_default_routes(const sys::UniqueFd& space,
                        const std::vector<EndpointSettings>& endpoints) {
  const std::vector<runtime::NetworkInterface> routes = default_routes(endpoints);
  if (routes.empty()) return;
  in_network(space, [&] {
    for (const runtime::NetworkInterface& interface : routes) runtime::set_default_route(interface);
  });
}

void delete_link(const std::string& name) {
  if (auto link = runtime::find_link(name)) runtime::delete_links({link->index});
}

}  // namespace

void Containers::save_networking(const std::shared_ptr<Container>& container,
                                 ContainerRecord& record, const json& networking) {
  record.networking_json = dump_json(networking);
  table_.update_record(record);
  std::lock_guard lock(container->mutex);
  container->record.networking_json = record.networking_json;
}

void Containers::connect_network(const std::string& reference, const Network& network,
                                 const json& settings) {
  std::shared_ptr<Container> container = index_.get(reference);
  Operation operation(*this, container);
  ContainerSnapshot now = snapshot(container->id);
  expect_connectable(now.record);
  if (network.driver == NetworkDriver::host)
    throw Error(ErrorKind::invalid_argument,
                "container cannot be disconnected from host network or connected to host network");
  if (network.driver != NetworkDriver::bridge)
    throw Error(ErrorKind::forbidden,
                fmt::format("container cannot be connected to the {} network", network.name));
  json networking = json::parse(now.record.networking_json);
  bool known = (is_mode(now.record, network) && !is_left(networking)) ||
               (!is_mode(now.record, network) && find_endpoint_key(networking, network));
  if (known)
    throw Error(ErrorKind::forbidden,
                fmt::format("endpoint with name {} already exists in network {}", now.record.name,
                            network.name));
  networking["EndpointsConfig"][network.name] = settings.is_object() ? settings : json::object();
  if (is_mode(now.record, network)) networking.erase(left_mode_key);
  if (now.live.state.alive()) plug_in(now, network, networking["EndpointsConfig"][network.name]);
  save_networking(container, now.record, networking);
}

void Containers::plug_in(const ContainerSnapshot& now, const Network& network,
                         const json& settings) {
  sys::UniqueFd space = open_network(now.live.state.pid);
  Networks& networks = services_.networks;
  EndpointSettings endpoint = networks.attach(attach_request(now.record, network.name, settings));
  try {
    std::vector<runtime::NetworkInterface> interfaces = plan_interfaces({endpoint});
    for (runtime::NetworkInterface& interface : interfaces) {
      interface.gateway.clear();  // of all networks together, below
      interface.gateway6.clear();
    }
    runtime::connect_interfaces(interfaces, {.pid = 0, .fd = space.get()});
    in_network(space, [&] { runtime::configure_interfaces(interfaces); });
    runtime::await_interfaces(interfaces);
    networks.place_ports(now.record.id, plan_published_ports(now.record));
    set_default_routes(space, networks.endpoints_of(now.record.id));
    if (!network.predefined) {
      launcher_.use_name_server(now.record);
      if (run_handlers_.started) run_handlers_.started(now.record.id);
    }
  } catch (...) {
    delete_link(endpoint.host_interface);
    networks.release(now.record.id, network.id);
    throw;
  }
}

void Containers::disconnect_network(const std::string& reference, const Network& network,
                                    bool force) {
  std::shared_ptr<Container> container;
  try {
    container = index_.get(reference);
  } catch (const Error& error) {
    if (!force || error.kind() != ErrorKind::not_found) throw;
    services_.networks.release(reference,
                               network.id);  // an endpoint that its container left behind
    return;
  }
  Operation operation(*this, container);
  ContainerSnapshot now = snapshot(container->id);
  if (now.record.host.network_mode == "host")
    throw Error(ErrorKind::invalid_argument,
                "container cannot be disconnected from host network or connected to host network");
  json networking = json::parse(now.record.networking_json);
  std::optional<std::string> key = find_endpoint_key(networking, network);
  const bool by_mode = is_mode(now.record, network) && !is_left(networking);
  if (!key && !by_mode)
    throw Error(ErrorKind::forbidden, fmt::format("container {} is not connected to network {}",
                                                  now.record.id, network.name));
  if (now.live.state.alive()) pull_out(now, network);
  if (key) networking["EndpointsConfig"].erase(*key);
  if (by_mode) networking[left_mode_key] = true;
  save_networking(container, now.record, networking);
}

void Containers::pull_out(const ContainerSnapshot& now, const Network& network) {
  Networks& networks = services_.networks;
  std::vector<EndpointSettings> endpoints = networks.endpoints_of(now.record.id);
  auto leaving = std::find_if(endpoints.begin(), endpoints.end(), [&](const auto& endpoint) {
    return endpoint.network_id == network.id;
  });
  if (leaving == endpoints.end()) return;
  const std::string link = leaving->host_interface;
  endpoints.erase(leaving);
  networks.place_ports(now.record.id, {}, network.id);
  delete_link(link);
  networks.release(now.record.id, network.id);
  set_default_routes(open_network(now.live.state.pid), endpoints);
}

}  // namespace ctr::daemon
