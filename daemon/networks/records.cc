#include "daemon/networks/records.h"

#include <nlohmann/json.hpp>
#include <string>

#include "daemon/api/json.h"
#include "runtime/network/interfaces.h"
#include "runtime/sys/error.h"

namespace ctr::daemon {

std::string_view to_string(NetworkDriver driver) {
  switch (driver) {
    case NetworkDriver::bridge:
      return "bridge";
    case NetworkDriver::host:
      return "host";
    case NetworkDriver::none:
      return "null";
  }
  return "";
}

namespace records {

using image::Database;
using image::Statement;

namespace {

constexpr std::string_view first_version = R"sql(
CREATE TABLE networks (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  driver TEXT NOT NULL,
  created INTEGER NOT NULL,
  predefined INTEGER NOT NULL,
  internal INTEGER NOT NULL,
  attachable INTEGER NOT NULL,
  bridge TEXT NOT NULL,
  mtu INTEGER NOT NULL,
  subnet TEXT NOT NULL,            -- "172.17.0.0/16", or "" without a bridge
  gateway INTEGER NOT NULL,        -- addresses in host byte order
  address_range TEXT NOT NULL,
  subnet_given INTEGER NOT NULL,
  last_address INTEGER NOT NULL DEFAULT 0,
  options TEXT NOT NULL,           -- JSON objects
  labels TEXT NOT NULL
) WITHOUT ROWID;
CREATE UNIQUE INDEX networks_by_bridge ON networks (bridge) WHERE bridge <> '';
CREATE TABLE network_endpoints (
  id TEXT PRIMARY KEY,
  network_id TEXT NOT NULL REFERENCES networks (id),
  container_id TEXT NOT NULL,
  address INTEGER,                 -- NULL without a bridge
  mac TEXT NOT NULL,
  interface TEXT NOT NULL,
  host_interface TEXT NOT NULL,
  aliases TEXT NOT NULL,           -- JSON list
  UNIQUE (network_id, container_id),
  UNIQUE (network_id, address)
) WITHOUT ROWID;
CREATE INDEX network_endpoints_by_container ON network_endpoints (container_id);
)sql";

constexpr std::string_view second_version = R"sql(
ALTER TABLE network_endpoints ADD COLUMN ports TEXT NOT NULL DEFAULT '[]';
)sql";

constexpr std::string_view third_version = R"sql(
ALTER TABLE networks ADD COLUMN subnet6 TEXT NOT NULL DEFAULT '';     -- "fd00::/64", or "" without IPv6
ALTER TABLE networks ADD COLUMN gateway6 TEXT NOT NULL DEFAULT '';
ALTER TABLE networks ADD COLUMN auxiliary TEXT NOT NULL DEFAULT '{}';  -- JSON object
ALTER TABLE network_endpoints ADD COLUMN address6 TEXT;                -- NULL without IPv6
ALTER TABLE network_endpoints ADD COLUMN gateway_priority INTEGER NOT NULL DEFAULT 0;
CREATE UNIQUE INDEX network_endpoints_by_address6 ON network_endpoints (network_id, address6);
)sql";

constexpr std::string_view fourth_version = R"sql(
ALTER TABLE networks ADD COLUMN address_range6 TEXT NOT NULL DEFAULT '';  -- or "" for all of the subnet
)sql";

constexpr std::string_view network_columns =
    "id, name, driver, created, predefined, internal, attachable, bridge, mtu, subnet, gateway, "
    "address_range, subnet_given, options, labels, subnet6, gateway6, auxiliary, "
    "address_range6";

NetworkDriver driver_of(std::string_view text) {
  if (text == "host") return NetworkDriver::host;
  return text == "null" ? NetworkDriver::none : NetworkDriver::bridge;
}

std::map<std::string, std::string> map_of(const std::string& text) {
  return JsonObject(parse_json(text)).value().get<std::map<std::string, std::string>>();
}

Network network_of(const Statement& row) {
  Network network;
  network.id = row.text(0);
  network.name = row.text(1);
  network.driver = driver_of(row.text(2));
  network.created = row.integer(3);
  network.predefined = row.integer(4) != 0;
  network.internal = row.integer(5) != 0;
  network.attachable = row.integer(6) != 0;
  network.bridge = row.text(7);
  network.mtu = static_cast<uint32_t>(row.integer(8));
  if (auto subnet = parse_subnet(row.text(9)))
    network.pool = AddressPool{.subnet = *subnet,
                               .gateway = static_cast<uint32_t>(row.integer(10)),
                               .range = parse_subnet(row.text(11)).value_or(*subnet),
                               .given = row.integer(12) != 0};
  network.options = map_of(row.text(13));
  network.labels = map_of(row.text(14));
  if (!row.text(15).empty()) network.pool6 = plan_pool6(row.text(15), row.text(16), row.text(18));
  network.auxiliary = map_of(row.text(17));
  return network;
}

// Whether a network's options keep its containers apart. Nearly none does: the text is looked at before
// it is parsed, a list of a thousand containers asks a thousand times.
bool is_isolated(const std::string& options) {
  const std::string key = fmt::format("\"{}\":", bridge_option::icc);
  const size_t at = options.find(key);
  if (at == std::string::npos || options.compare(at + key.size(), 6, "\"true\"") == 0) return false;
  Network network;
  network.options = map_of(options);
  return !network.connects_containers();
}

std::vector<Network> networks_where(Database& database, const std::string& condition,
                                    std::string_view value) {
  Statement select(database, fmt::format("SELECT {} FROM networks WHERE {} ORDER BY name",
                                         network_columns, condition));
  select.bind(value);
  std::vector<Network> networks;
  while (select.step()) networks.push_back(network_of(select));
  return networks;
}

std::optional<Network> first_of(std::vector<Network> networks) {
  if (networks.empty()) return std::nullopt;
  return std::move(networks.front());
}

void bind_network(Statement& statement, const Network& network) {
  AddressPool pool = network.pool.value_or(AddressPool{});
  bool has_pool = network.pool.has_value();
  statement.bind(network.id, network.name, to_string(network.driver), int64_t{network.created},
                 network.predefined, network.internal, network.attachable, network.bridge,
                 int64_t{network.mtu}, has_pool ? to_string(pool.subnet) : std::string(),
                 int64_t{pool.gateway}, has_pool ? to_string(pool.range) : std::string(),
                 pool.given, dump_json(network.options), dump_json(network.labels),
                 network.pool6 ? to_string(network.pool6->subnet) : std::string(),
                 network.pool6 ? format_ipv6(network.pool6->gateway) : std::string(),
                 dump_json(network.auxiliary),
                 network.pool6 ? to_string(network.pool6->range) : std::string());
}

}  // namespace

void migrate(Database& database) {
  database.migrate("networks", {first_version, second_version, third_version, fourth_version});
}

std::vector<Network> list_networks(Database& database) {
  return networks_where(database, "? = ''", "");
}

std::optional<Network> find_network(Database& database, std::string_view id) {
  return first_of(networks_where(database, "id = ?", id));
}

std::optional<Network> find_network_by_name(Database& database, std::string_view name) {
  return first_of(networks_where(database, "name = ?", name));
}

std::optional<Network> find_network_by_id_or_name(Database& database, std::string_view text) {
  auto found = networks_where(database, "id = ?1 OR name = ?1", text);
  for (const Network& network : found)
    if (network.id == text) return network;
  return first_of(std::move(found));
}

std::vector<Network> find_networks_by_prefix(Database& database, std::string_view prefix) {
  return networks_where(database, "substr(id, 1, length(?1)) = ?1", prefix);
}

void insert_network(Database& database, const Network& network) {
  Statement insert(database,
                   fmt::format("INSERT INTO networks ({}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, "
                               "?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                               network_columns));
  bind_network(insert, network);
  insert.run();
}

void update_network(Database& database, const Network& network) {
  Statement update(
      database, fmt::format("UPDATE networks SET ({}) = (?1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, "
                            "?, ?, ?, ?, ?, ?) WHERE id = ?1",
                            network_columns));
  bind_network(update, network);
  update.run();
}

void delete_network(Database& database, std::string_view id) {
  Statement(database, "DELETE FROM networks WHERE id = ?").bind(id).run();
}

uint32_t last_address(Database& database, std::string_view network_id) {
  Statement select(database, "SELECT last_address FROM networks WHERE id = ?");
  return select.bind(network_id).step() ? static_cast<uint32_t>(select.integer(0)) : 0;
}

void set_last_address(Database& database, std::string_view network_id, uint32_t address) {
  Statement(database, "UPDATE networks SET last_address = ? WHERE id = ?")
      .bind(int64_t{address}, network_id)
      .run();
}

bool address_is_taken(Database& database, std::string_view network_id, uint32_t address) {
  Statement select(database,
                   "SELECT 1 FROM network_endpoints WHERE network_id = ? AND address = ?");
  return select.bind(network_id, int64_t{address}).step();
}

bool address6_is_taken(Database& database, std::string_view network_id, const std::string& address) {
  Statement select(database,
                   "SELECT 1 FROM network_endpoints WHERE network_id = ? AND address6 = ?");
  return select.bind(network_id, address).step();
}

uint64_t count_endpoints(Database& database, std::string_view network_id) {
  Statement select(database, "SELECT count(*) FROM network_endpoints WHERE network_id = ?");
  return select.bind(network_id).step() ? static_cast<uint64_t>(select.integer(0)) : 0;
}

std::vector<EndpointSettings> list_endpoints(Database& database, EndpointsOf scope,
                                             std::string_view id) {
  const char* condition = scope == EndpointsOf::all         ? "? = ''"
                          : scope == EndpointsOf::container ? "e.container_id = ?"
                                                            : "e.network_id = ?";
  Statement select(
      database,
      fmt::format("SELECT e.id, e.network_id, n.name, n.driver, e.container_id, e.address, e.mac, "
                  "e.interface, e.host_interface, e.aliases, n.subnet, n.gateway, n.internal, "
                  "n.bridge, n.mtu, e.ports, e.address6, n.subnet6, n.gateway6, e.gateway_priority, n.options FROM network_endpoints e JOIN networks n ON n.id = e.network_id "
                  "WHERE {} ORDER BY n.name, e.container_id",
                  condition));
  select.bind(scope == EndpointsOf::all ? "" : id);
  std::vector<EndpointSettings> endpoints;
  while (select.step()) {
    EndpointSettings endpoint;
    endpoint.endpoint_id = select.text(0);
    endpoint.network_id = select.text(1);
    endpoint.network_name = select.text(2);
    endpoint.driver = driver_of(select.text(3));
    endpoint.container_id = select.text(4);
    endpoint.mac = select.text(6);
    endpoint.interface = select.text(7);
    endpoint.host_interface = select.text(8);
    endpoint.aliases = parse_json(select.text(9)).get<std::vector<std::string>>();
    auto subnet = parse_subnet(select.text(10));
    if (subnet && !select.is_null(5)) {
      endpoint.ip = format_ipv4(static_cast<uint32_t>(select.integer(5)));
      endpoint.prefix = subnet->prefix;
      bool internal = select.integer(12) != 0;
      if (!internal) endpoint.gateway = format_ipv4(static_cast<uint32_t>(select.integer(11)));
    }
    endpoint.bridge = select.text(13);
    endpoint.mtu = static_cast<uint32_t>(select.integer(14));
    endpoint.ports = parse_published_ports(parse_json(select.text(15)));
    endpoint.gateway_priority = static_cast<int>(select.integer(19));
    endpoint.isolated = is_isolated(select.text(20));
    if (auto subnet6 = parse_subnet6(select.text(17)); subnet6 && !select.is_null(16)) {
      endpoint.ip6 = select.text(16);
      endpoint.prefix6 = subnet6->prefix;
      if (!endpoint.gateway.empty()) endpoint.gateway6 = select.text(18);
    }
    endpoints.push_back(std::move(endpoint));
  }
  return endpoints;
}

void insert_endpoint(Database& database, const EndpointSettings& endpoint) {
  Statement insert(database,
                   "INSERT INTO network_endpoints (id, network_id, container_id, mac, interface, "
                   "host_interface, aliases, gateway_priority, address, address6) "
                   "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
  insert.bind(endpoint.endpoint_id, endpoint.network_id, endpoint.container_id, endpoint.mac,
              endpoint.interface, endpoint.host_interface, dump_json(endpoint.aliases),
              int64_t{endpoint.gateway_priority});
  if (auto address = runtime::parse_ipv4(endpoint.ip))
    insert.bind(int64_t{*address});
  else
    insert.bind(std::nullopt);
  if (endpoint.ip6.empty())
    insert.bind(std::nullopt);
  else
    insert.bind(endpoint.ip6);
  insert.run();
}

void update_ports(Database& database, const EndpointSettings& endpoint) {
  Statement(database, "UPDATE network_endpoints SET ports = ? WHERE id = ?")
      .bind(dump_json(to_json(endpoint.ports)), endpoint.endpoint_id)
      .run();
}

void delete_endpoint(Database& database, std::string_view endpoint_id) {
  Statement(database, "DELETE FROM network_endpoints WHERE id = ?").bind(endpoint_id).run();
}

}  // namespace records
}  // namespace ctr::daemon
