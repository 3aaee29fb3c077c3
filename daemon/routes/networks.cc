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

json ipam_json(const Network& network) {
  json configurations = json::array();
  if (network.pool) {
    json configuration = {{"Subnet", to_string(network.pool->subnet)},
                          {"Gateway", format_ipv4(network.pool->gateway)}};
    if (!(network.pool->range == network.pool->subnet))
      configuration["IPRange"] = to_string(network.pool->range);
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
          {"EnableIPv6", false},
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
    std::string address =
        endpoint.ip.empty() ? "" : fmt::format("{}/{}", endpoint.ip, endpoint.prefix);
    containers[endpoint.container_id] = {{"Name", name.value_or("")},
                                         {"EndpointID", endpoint.endpoint_id},
                                         {"MacAddress", endpoint.mac},
                                         {"IPv4Address", address},
                                         {"IPv6Address", ""}};
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

[[noreturn]] void refuse_for_now(const std::string& what) {
  throw Error(ErrorKind::unsupported, what + " is not supported yet");
}

void read_ipam(const JsonObject& ipam, NewNetwork& wanted) {
  std::string driver = ipam.string("Driver");
  if (!driver.empty() && driver != "default")
    throw Error(ErrorKind::not_found, fmt::format("plugin \"{}\" not found", driver));
  auto configurations = ipam.objects("Config");
  if (configurations.size() > 1) refuse_for_now("a network with several subnets");
  for (const JsonObject& configuration : configurations) {
    wanted.subnet = configuration.string("Subnet");
    wanted.gateway = configuration.string("Gateway");
    wanted.ip_range = configuration.string("IPRange");
    if (!configuration.string_map("AuxiliaryAddresses").empty())
      refuse_for_now("an auxiliary address");
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
  if (body.boolean("EnableIPv6")) refuse_for_now("an IPv6 network");
  if (body.boolean("Ingress") || body.boolean("ConfigOnly"))
    throw Error(ErrorKind::invalid_argument, "ingress and config-only networks belong to swarm");
  if (auto ipam = body.find_object("IPAM")) read_ipam(*ipam, wanted);
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
