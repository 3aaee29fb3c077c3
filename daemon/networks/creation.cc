// Networks: what users make and remove. The rest of the class is in networks.cc and
// endpoints.cc.
#include <algorithm>
#include <charconv>
#include <utility>

#include "daemon/api/query_time.h"
#include "daemon/networks/bridge.h"
#include "daemon/networks/networks.h"
#include "daemon/networks/records.h"
#include "image/database.h"
#include "runtime/network/addresses.h"
#include "runtime/sys/error.h"
#include "runtime/sys/file.h"

namespace ctr::daemon {

using image::Commit;
using image::Transaction;
using sys::Error;
using sys::ErrorKind;

namespace {

constexpr uint32_t smallest_mtu = 68;  // IPv4's own
constexpr uint32_t largest_mtu = 65535;

[[noreturn]] void refuse(std::string message) {
  throw Error(ErrorKind::invalid_argument, std::move(message));
}

// As Docker's containers' and networks' names; "a/b" or "../x" would be taken for something else.
void check_network_name(const std::string& name) {
  auto alphanumeric = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  };
  bool good = !name.empty() && name.size() <= 128 && alphanumeric(name.front()) &&
              std::all_of(name.begin(), name.end(), [&](char c) {
                return alphanumeric(c) || c == '_' || c == '.' || c == '-';
              });
  if (!good)
    refuse(
        fmt::format("invalid network name '{}': only [a-zA-Z0-9][a-zA-Z0-9_.-]* is allowed", name));
}

bool is_true(const std::string& text) {
  return text == "true" || text == "1";
}

uint32_t parse_mtu(const std::string& text) {
  uint32_t mtu = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), mtu);
  if (error != std::errc{} || end != text.data() + text.size() || mtu < smallest_mtu ||
      mtu > largest_mtu)
    refuse(fmt::format("invalid value '{}' for {}", text, bridge_option::mtu));
  return mtu;
}

}  // namespace

bool Network::masquerade() const {
  auto option = options.find(bridge_option::masquerade);
  return option == options.end() || is_true(option->second);
}

bool Network::connects_containers() const {
  auto option = options.find(bridge_option::icc);
  return option == options.end() || is_true(option->second);
}

std::string Network::option(const char* key) const {
  auto found = options.find(key);
  return found == options.end() ? "" : found->second;
}

bool Network::is_auxiliary(uint32_t address) const {
  return std::any_of(auxiliary.begin(), auxiliary.end(), [&](const auto& entry) {
    return runtime::parse_ipv4(entry.second) == address;
  });
}

bool Network::is_auxiliary(const Ipv6Address& address) const {
  return std::any_of(auxiliary.begin(), auxiliary.end(), [&](const auto& entry) {
    return runtime::parse_ipv6(entry.second) == address;
  });
}

AddressPool Networks::choose_pool(const NewNetwork::Subnet& wanted) {
  if (wanted.subnet.empty()) {
    if (!wanted.gateway.empty() || !wanted.ip_range.empty())
      refuse("a gateway or an ip-range needs a subnet");
    return choose_free_pool();
  }
  AddressPool pool = plan_pool(wanted.subnet, wanted.gateway, wanted.ip_range);
  for (const Network& other : records::list_networks(database_))
    if (other.pool && other.pool->subnet.overlaps(pool.subnet))
      throw Error(ErrorKind::forbidden,
                  fmt::format("Pool overlaps with other one on this address space: {} is part of "
                              "network {}",
                              wanted.subnet, other.name));
  return pool;
}

AddressPool6 Networks::choose_pool6(const NewNetwork::Subnet& wanted) {
  if (wanted.subnet.empty() && !(wanted.gateway + wanted.ip_range).empty())
    refuse("a gateway or an ip-range needs a subnet");
  AddressPool6 pool =
      plan_pool6(wanted.subnet.empty() ? unique_local_subnet(sys::random_hex(5)) : wanted.subnet,
                 wanted.gateway, wanted.ip_range);
  for (const Network& other : records::list_networks(database_))
    if (other.pool6 && other.pool6->subnet.overlaps(pool.subnet))
      throw Error(ErrorKind::forbidden,
                  fmt::format("Pool overlaps with other one on this address space: {} is part of "
                              "network {}",
                              to_string(pool.subnet), other.name));
  return pool;
}

namespace {

void check_auxiliary(const Network& network) {
  for (const auto& [name, text] : network.auxiliary) {
    const auto ipv4 = runtime::parse_ipv4(text);
    const auto ipv6 = runtime::parse_ipv6(text);
    if (!ipv4 && !ipv6) refuse(fmt::format("invalid auxiliary address '{}': {}", name, text));
    const bool lies_in = ipv4 ? network.pool->subnet.contains(*ipv4)
                              : network.pool6 && network.pool6->subnet.contains(*ipv6);
    if (!lies_in) refuse(fmt::format("no matching subnet for aux-address {}", text));
  }
}

}  // namespace

namespace {

void check_options(const Network& network) {
  for (const char* name : {bridge_option::host_binding, bridge_option::source_address})
    if (const std::string text = network.option(name); !text.empty() && !runtime::parse_ipv4(text))
      refuse(fmt::format("invalid value '{}' for {}: not an IPv4 address", text, name));
  if (const std::string prefix = network.option(bridge_option::interface_prefix); !prefix.empty())
    check_bridge_name(prefix + "0");
}

}  // namespace

Network Networks::plan_network(const NewNetwork& wanted) {
  check_network_name(wanted.name);
  if (wanted.name == "host" || wanted.name == "bridge" || wanted.name == "none")
    throw Error(ErrorKind::forbidden,
                fmt::format("operation is not permitted on predefined {} network ", wanted.name));
  if (wanted.name == "default" || records::find_network_by_name(database_, wanted.name))
    throw Error(ErrorKind::conflict,
                fmt::format("network with name {} already exists", wanted.name));
  if (wanted.driver != NetworkDriver::bridge)
    throw Error(ErrorKind::forbidden, fmt::format("only one instance of \"{}\" network is allowed",
                                                  to_string(wanted.driver)));
  Network network;
  network.id = sys::random_hex(32);
  network.name = wanted.name;
  network.created = sys::now();
  network.internal = wanted.internal;
  network.attachable = wanted.attachable;
  network.options = wanted.options;
  network.labels = wanted.labels;
  network.bridge = "br-" + network.id.substr(0, 12);
  if (auto name = wanted.options.find(bridge_option::name); name != wanted.options.end())
    network.bridge = name->second;
  check_bridge_name(network.bridge);
  if (auto mtu = wanted.options.find(bridge_option::mtu); mtu != wanted.options.end())
    network.mtu = parse_mtu(mtu->second);
  check_options(network);
  network.pool = choose_pool(wanted.ipv4);
  if (wanted.enable_ipv6) network.pool6 = choose_pool6(wanted.ipv6);
  network.auxiliary = wanted.auxiliary;
  check_auxiliary(network);
  return network;
}

Network Networks::create(const NewNetwork& wanted) {
  std::lock_guard lock(host_mutex_);
  Network network = plan_network(wanted);
  Transaction transaction(database_, Commit::durable);
  records::insert_network(database_, network);
  transaction.commit();
  try {
    host_.ensure(network, {});
  } catch (...) {
    records::delete_network(database_, network.id);
    remove_from_host(network);
    throw;
  }
  publish("create", network);
  return network;
}

void Networks::remove(std::string_view name_or_id) {
  std::lock_guard lock(host_mutex_);
  Network network = get(name_or_id);
  if (network.predefined)
    throw Error(ErrorKind::forbidden,
                fmt::format("{} is a pre-defined network and cannot be removed", network.name));
  {
    Transaction transaction(database_, Commit::durable);
    if (records::count_endpoints(database_, network.id) > 0)
      throw Error(ErrorKind::forbidden,
                  fmt::format("error while removing network: network {} id {} has active endpoints",
                              network.name, network.id));
    records::delete_network(database_, network.id);
    transaction.commit();
  }
  remove_from_host(network);
  publish("destroy", network);
}

std::vector<std::string> Networks::prune(const Filters& filters) {
  filters.expect_only({"label", "label!", "until"});
  sys::Timestamp until = INT64_MAX;
  for (const std::string& value : filters.values("until"))
    until = parse_until_filter(value, sys::now()).value_or(until);
  std::vector<std::string> removed;
  for (const Network& network : records::list_networks(database_)) {
    bool prunable = !network.predefined && records::count_endpoints(database_, network.id) == 0 &&
                    network.created < until && filters.matches_labels("label", network.labels) &&
                    (!filters.has("label!") || !filters.matches_labels("label!", network.labels));
    if (!prunable) continue;
    remove(network.id);
    removed.push_back(network.name);
  }
  events_.publish(
      {.type = "network", .action = "prune", .id = "", .attributes = {{"reclaimed", "0"}}});
  return removed;
}

}  // namespace ctr::daemon
