#include "daemon/routes/networks.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "daemon/api/json.h"
#include "runtime/sys/error.h"

namespace ctr::daemon {

using nlohmann::json;
using sys::Error;
using sys::ErrorKind;

namespace {

// Those of one family, as the request that made the network had them.
json auxiliary_json(const Network& network, bool ipv6) {
  json addresses = json::object();
  for (const auto& [name, address] : network.auxiliary)
    if ((address.find(':') != std::string::npos) == ipv6) addresses[name] = address;
  return addresses;
}

json ipam_json(const Network& network) {
  json configurations = json::array();
  if (network.pool) {
    json configuration = {{"Subnet", to_string(network.pool->subnet)},
                          {"Gateway", format_ipv4(network.pool->gateway)}};
    if (!(network.pool->range == network.pool->subnet))
      configuration["IPRange"] = to_string(network.pool->range);
    if (json auxiliary = auxiliary_json(network, false); !auxiliary.empty())
      configuration["AuxiliaryAddresses"] = std::move(auxiliary);
    configurations.push_back(std::move(configuration));
  }
  if (network.pool6) {
    json configuration = {{"Subnet", to_string(network.pool6->subnet)},
                          {"Gateway", format_ipv6(network.pool6->gateway)}};
    if (!(network.pool6->range == network.pool6->subnet))
      configuration["IPRange"] = to_string(network.pool6->range);
    if (json auxiliary = auxiliary_json(network, true); !auxiliary.empty())
      configuration["AuxiliaryAddresses"] = std::move(auxiliary);
    configurations.push_back(std::move(configuration));
  }
  return {{"Driver", "default"}, {"Options", nullptr}, {"Config", std::move(configurations)}};
}

json network_json(const Network& network) {
  return {{"Name", network.name},
          {"Id", network.id},
          {"Created", sys::format_timestamp(network.created)},
          {"Scope", "local"},
          {"Driver", to_string(network.driver)},
          {"EnableIPv4", true},
          {"EnableIPv6", network.pool6.has_value()},
          {"IPAM", ipam_json(network)},
          {"Internal", network.internal},
          {"Attachable", network.attachable},
          {"Ingress", false},
          {"ConfigFrom", {{"Network", ""}}},
          {"ConfigOnly", false},
          {"Containers", json::object()},
          {"Options", network.options},
          {"Labels", network.labels}};
}

json containers_json(const NetworkRouteSources& sources, const Network& network) {
  json containers = json::object();
  for (const EndpointSettings& endpoint : sources.networks.endpoints_in(network.id)) {
    std::optional<std::string> name;
    if (sources.container_name) name = sources.container_name(endpoint.container_id);
    const auto with_prefix = [](const std::string& address, int prefix) {
      return address.empty() ? std::string() : fmt::format("{}/{}", address, prefix);
    };
    containers[endpoint.container_id] = {{"Name", name.value_or("")},
                                         {"EndpointID", endpoint.endpoint_id},
                                         {"MacAddress", endpoint.mac},
                                         {"IPv4Address", with_prefix(endpoint.ip, endpoint.prefix)},
                                         {"IPv6Address", with_prefix(endpoint.ip6, endpoint.prefix6)}};
  }
  return containers;
}

// --- POST /networks/create -----------------------------------------------------------------------

NetworkDriver parse_driver(const std::string& text) {
  if (text.empty() || text == "bridge" || text == "default") return NetworkDriver::bridge;
  if (text == "host") return NetworkDriver::host;
  if (text == "null" || text == "none") return NetworkDriver::none;
  throw Error(ErrorKind::not_found, fmt::format("plugin \"{}\" not found", text));
}

void read_ipam(const JsonObject& ipam, NewNetwork& wanted) {
  std::string driver = ipam.string("Driver");
  if (!driver.empty() && driver != "default")
    throw Error(ErrorKind::not_found, fmt::format("plugin \"{}\" not found", driver));
  for (const JsonObject& configuration : ipam.objects("Config")) {
    NewNetwork::Subnet subnet{.subnet = configuration.string("Subnet"),
                              .gateway = configuration.string("Gateway"),
                              .ip_range = configuration.string("IPRange")};
    const bool is_ipv6 =
        (subnet.subnet + subnet.gateway + subnet.ip_range).find(':') != std::string::npos;
    NewNetwork::Subnet& place = is_ipv6 ? wanted.ipv6 : wanted.ipv4;
    if (!(place.subnet + place.gateway + place.ip_range).empty())
      throw Error(ErrorKind::forbidden, "bridge driver doesn't support multiple subnets");
    place = std::move(subnet);
    for (auto& [name, address] : configuration.string_map("AuxiliaryAddresses"))
      wanted.auxiliary[name] = address;
  }
}

NewNetwork parse_new_network(const JsonObject& body) {
  NewNetwork wanted;
  wanted.name = body.string("Name");
  wanted.driver = parse_driver(body.string("Driver"));
  wanted.internal = body.boolean("Internal");
  wanted.attachable = body.boolean("Attachable");
  wanted.options = body.string_map("Options");
  wanted.labels = body.string_map("Labels");
  wanted.enable_ipv6 = body.boolean("EnableIPv6");
  if (body.boolean("Ingress") || body.boolean("ConfigOnly"))
    throw Error(ErrorKind::invalid_argument, "ingress and config-only networks belong to swarm");
  if (auto ipam = body.find_object("IPAM")) read_ipam(*ipam, wanted);
  if (!wanted.enable_ipv6 && !wanted.ipv6.subnet.empty())
    throw Error(ErrorKind::invalid_argument,
                fmt::format("the IPv6 subnet {} needs a network with IPv6 (--ipv6, EnableIPv6)",
                            wanted.ipv6.subnet));
  return wanted;
}

void create(const NetworkRouteSources& sources, Exchange& exchange) {
  json body = exchange.body_json();
  Network made = sources.networks.create(parse_new_network(JsonObject(body)));
  exchange.respond_json(201, {{"Id", made.id}, {"Warning", ""}});
}

// --- POST /networks/{id}/connect, disconnect -----------------------------------------------------

std::string expect_container(const JsonObject& body) {
  std::string container = body.string("Container");
  if (container.empty()) throw Error(ErrorKind::invalid_argument, "the request names no container");
  return container;
}

void connect(const NetworkRouteSources& sources, Exchange& exchange) {
  json body = exchange.body_json();
  JsonObject object(body);
  Network network = sources.networks.get(exchange.parameter("id"));
  auto endpoint = object.find_object("EndpointConfig");
  sources.connect(expect_container(object), network, endpoint ? endpoint->value() : json::object());
  exchange.respond_empty(200);
}

void disconnect(const NetworkRouteSources& sources, Exchange& exchange) {
  json body = exchange.body_json();
  JsonObject object(body);
  Network network = sources.networks.get(exchange.parameter("id"));
  sources.disconnect(expect_container(object), network, object.boolean("Force"));
  exchange.respond_empty(200);
}

// --- the others ----------------------------------------------------------------------------------

Filters filters_of(const Exchange& exchange) {
  return Filters::parse(exchange.query("filters").value_or(""));
}

void list(const NetworkRouteSources& sources, Exchange& exchange) {
  json networks = json::array();
  for (const Network& network : sources.networks.list(filters_of(exchange)))
    networks.push_back(network_json(network));
  exchange.respond_json(200, networks);
}

void inspect(const NetworkRouteSources& sources, Exchange& exchange) {
  Network network = sources.networks.get(exchange.parameter("id"));
  std::string scope = exchange.query("scope").value_or("");
  if (!scope.empty() && scope != "local")
    throw Error(ErrorKind::not_found, fmt::format("network {} not found", network.name));
  json answer = network_json(network);
  answer["Containers"] = containers_json(sources, network);
  exchange.respond_json(200, answer);
}

void prune(const NetworkRouteSources& sources, Exchange& exchange) {
  std::vector<std::string> removed = sources.networks.prune(filters_of(exchange));
  exchange.respond_json(200, {{"NetworksDeleted", removed}});
}

}  // namespace

void add_network_routes(Router& router, NetworkRouteSources sources) {
  using Route = void (*)(const NetworkRouteSources&, Exchange&);
  auto add = [&](const char* method, const char* pattern, Route route) {
    router.add(method, pattern, [sources, route](Exchange& exchange) { route(sources, exchange); });
  };
  add("GET", "/networks", list);
  add("GET", "/networks/{id}", inspect);
  add("POST", "/networks/create", create);
  add("POST", "/networks/prune", prune);
  add("POST", "/networks/{id}/connect", connect);
  add("POST", "/networks/{id}/disconnect", disconnect);
  router.add("DELETE", "/networks/{id}", [sources](Exchange& exchange) {
    sources.networks.remove(exchange.parameter("id"));
    exchange.respond_empty(204);
  });
}

}  // namespace ctr::daemon
