#include "daemon/networks/networks.h"

#include <utility>

#include "daemon/networks/bridge.h"
#include "daemon/networks/records.h"
#include "image/database.h"
#include "runtime/sys/error.h"
#include "runtime/sys/file.h"

namespace ctr::daemon {

using image::Commit;
using image::Transaction;
using records::EndpointsOf;
using sys::Error;
using sys::ErrorKind;

namespace {

[[noreturn]] void refuse(std::string message) {
  throw Error(ErrorKind::invalid_argument, std::move(message));
}

Network predefined(std::string name, NetworkDriver driver) {
  Network network;
  network.id = sys::random_hex(32);
  network.name = std::move(name);
  network.driver = driver;
  network.created = sys::now();
  network.predefined = true;
  return network;
}

}  // namespace

// --- set-up --------------------------------------------------------------------------------------

Networks::Networks(image::Database& database, Events& events, Options options, Host& host,
                   std::function<void(const std::string&)> warn)
    : database_(database),
      events_(events),
      host_(host),
      pools_(options.pools),
      warn_(std::move(warn)) {
  records::migrate(database_);
  if (options.bridge.empty()) options.bridge = Options{}.bridge;
  add_predefined(options);
  ensure_bridges();
}

void Networks::add_predefined(const Options& options) {
  if (!records::find_network_by_name(database_, "host"))
    records::insert_network(database_, predefined("host", NetworkDriver::host));
  if (!records::find_network_by_name(database_, "none"))
    records::insert_network(database_, predefined("none", NetworkDriver::none));
  if (options.bridge == "none")
    remove_bridge_network();
  else
    add_bridge_network(options);
}

// --bridge none, where there was a bridge before. Containers that still run on it keep it.
void Networks::remove_bridge_network() {
  auto network = records::find_network_by_name(database_, "bridge");
  if (!network) return;
  Transaction transaction(database_, Commit::durable);
  auto endpoints = records::list_endpoints(database_, EndpointsOf::network, network->id);
  for (const EndpointSettings& endpoint : endpoints)
    records::delete_endpoint(database_, endpoint.endpoint_id);
  records::delete_network(database_, network->id);
  transaction.commit();
  if (endpoints.empty()) remove_from_host(*network);
}

// The address is, in this order: what --bip says, what it was before, what an existing bridge has,
// or the first of Docker's pools that the host has no route into.
AddressPool Networks::choose_bridge_subnet(const Options& options,
                                           const std::optional<Network>& old) {
  if (!options.bip.empty()) return plan_pool_of_bridge_address(options.bip);
  if (old && old->bridge == options.bridge && old->pool) return *old->pool;
  std::string existing = host_.address_of(options.bridge);
  if (!existing.empty()) return plan_pool_of_bridge_address(existing);
  return choose_free_pool();
}

// Of that, --fixed-cidr is the part to allocate from; or all of it if nobody has said where else it
// is.
AddressPool Networks::choose_bridge_pool(const Options& options,
                                         const std::optional<Network>& old) {
  AddressPool pool = choose_bridge_subnet(options, old);
  pool.range = pool.subnet;
  if (options.fixed_cidr.empty()) return pool;
  auto range = parse_subnet(options.fixed_cidr);
  if (range && !pool.subnet.contains(*range) && options.bip.empty())
    return plan_pool(options.fixed_cidr, "", "");
  return plan_pool(to_string(pool.subnet), format_ipv4(pool.gateway), options.fixed_cidr);
}

// As before if nothing is said: --fixed-cidr-v6 is the subnet, and with --bip6 a part of it.
AddressPool6 Networks::choose_bridge_pool6(const Options& options,
                                           const std::optional<Network>& old) {
  if (!options.bip6.empty()) return plan_pool6_of_bridge_address(options.bip6, options.fixed_cidr6);
  if (!options.fixed_cidr6.empty()) return plan_pool6(options.fixed_cidr6, "");
  if (old && old->pool6) return *old->pool6;
  return plan_pool6(unique_local_subnet(sys::random_hex(5)), "");
}

AddressPool Networks::choose_free_pool() {
  std::vector<Subnet> used = host_.used_subnets();
  for (const Network& network : records::list_networks(database_))
    if (network.pool) used.push_back(network.pool->subnet);
  auto subnet = choose_default_subnet(used, pools_);
  if (!subnet)
    throw Error(ErrorKind::unavailable,
                "could not find an available, non-overlapping IPv4 address pool among the defaults "
                "to assign to the network");
  AddressPool pool = plan_pool(to_string(*subnet), "", "");
  pool.given = false;
  return pool;
}

void Networks::add_bridge_network(const Options& options) {
  check_bridge_name(options.bridge);
  if (!options.host_ip.empty() && !runtime::parse_ipv4(options.host_ip))
    refuse(fmt::format("invalid ip '{}': not an IPv4 address", options.host_ip));
  auto old = records::find_network_by_name(database_, "bridge");
  Network network = old ? *old : predefined("bridge", NetworkDriver::bridge);
  network.pool = choose_bridge_pool(options, old);
  network.bridge = options.bridge;
  network.mtu = options.mtu;
  network.pool6.reset();
  if (options.ipv6) network.pool6 = choose_bridge_pool6(options, old);
  auto truth = [](bool value) { return value ? "true" : "false"; };
  network.options = {
      {"com.docker.network.bridge.default_bridge", "true"},
      {bridge_option::icc, truth(options.icc)},
      {bridge_option::masquerade, truth(options.masquerade)},
      {bridge_option::host_binding, options.host_ip.empty() ? any_ipv4 : options.host_ip},
      {bridge_option::name, options.bridge},
      {bridge_option::mtu, std::to_string(options.mtu)}};
  if (!old) return records::insert_network(database_, network);
  records::update_network(database_, network);
  if (old->bridge != network.bridge && records::count_endpoints(database_, old->id) == 0)
    remove_from_host(*old);
}

void Networks::ensure_bridges() {
  for (const Network& network : records::list_networks(database_)) {
    if (!network.pool) continue;
    try {
      host_.ensure(network, port_rules(network));
    } catch (const Error& error) {
      warn_(fmt::format("network {}: {}", network.name, error.what()));
    }
  }
}

void Networks::restore() {
  std::lock_guard lock(host_mutex_);
  for (const Network& network : records::list_networks(database_)) {
    if (!network.pool) continue;
    try {
      if (host_.is_ready(network)) continue;
      host_.ensure(network, port_rules(network));
      warn_(
          fmt::format("network {}: its bridge or its firewall rules were gone, and are there again",
                      network.name));
    } catch (const std::exception& error) {
      warn_(fmt::format("network {}: {}", network.name, error.what()));
    }
  }
}

void Networks::remove_from_host(const Network& network) {
  try {
    host_.remove(network);
  } catch (const Error& error) {
    warn_(fmt::format("network {}: {}", network.name, error.what()));
  }
}

void Networks::remove_from_host(image::Database& database, Host& host) {
  records::migrate(database);
  for (const Network& network : records::list_networks(database))
    if (network.pool) host.remove(network);
}

// --- looking up ----------------------------------------------------------------------------------

std::vector<Network> Networks::list(const Filters& filters) const {
  filters.expect_only({"name", "id", "driver", "type", "scope", "label", "dangling"});
  for (const std::string& type : filters.values("type"))
    if (type != "custom" && type != "builtin")
      refuse(fmt::format("invalid filter 'type={}'", type));
  std::optional<bool> dangling = filters.find_bool("dangling");
  std::vector<Network> found;
  for (Network& network : records::list_networks(database_)) {
    bool matches = filters.matches_pattern("name", network.name) &&
                   filters.matches_prefix("id", network.id) &&
                   filters.matches_exactly("driver", to_string(network.driver)) &&
                   filters.matches_exactly("type", network.predefined ? "builtin" : "custom") &&
                   filters.matches_exactly("scope", "local") &&
                   filters.matches_labels("label", network.labels);
    if (matches && dangling)
      matches = !network.predefined &&
                (records::count_endpoints(database_, network.id) == 0) == *dangling;
    if (matches) found.push_back(std::move(network));
  }
  return found;
}

std::optional<Network> Networks::find(std::string_view name_or_id) const {
  std::string_view name = name_or_id.empty() || name_or_id == "default" ? "bridge" : name_or_id;
  if (auto network = records::find_network_by_id_or_name(database_, name)) return network;
  auto matches = records::find_networks_by_prefix(database_, name);
  if (matches.size() > 1)
    refuse(fmt::format("network {} is ambiguous ({} matches found on ID prefix)", name,
                       matches.size()));
  if (matches.empty()) return std::nullopt;
  return matches.front();
}

Network Networks::get(std::string_view name_or_id) const {
  auto network = find(name_or_id);
  if (!network) throw Error(ErrorKind::not_found, fmt::format("network {} not found", name_or_id));
  return *network;
}

void Networks::publish(std::string action, const Network& network, const std::string& container) {
  Event event{.type = "network", .action = std::move(action), .id = network.id};
  event.attributes = {{"name", network.name}, {"type", std::string(to_string(network.driver))}};
  if (!container.empty()) event.attributes["container"] = container;
  events_.publish(std::move(event));
}

}  // namespace ctr::daemon
