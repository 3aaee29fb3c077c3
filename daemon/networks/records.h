// The tables of networks and endpoints in ctr.db: rows to structs and back, nothing decided. Each
// function is one statement; who needs several at once holds a Transaction.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "daemon/networks/networks.h"
#include "image/database.h"

namespace ctr::daemon::records {

void migrate(image::Database& database);

std::vector<Network> list_networks(image::Database& database);  // by name
std::optional<Network> find_network(image::Database& database, std::string_view id);
std::optional<Network> find_network_by_name(image::Database& database, std::string_view name);
// An id before a name, should one network's name be another's id.
std::optional<Network> find_network_by_id_or_name(image::Database& database, std::string_view text);
std::vector<Network> find_networks_by_prefix(image::Database& database, std::string_view prefix);
void insert_network(image::Database& database, const Network& network);
void update_network(image::Database& database, const Network& network);
void delete_network(image::Database& database, std::string_view id);

// The address that the network gave out last, 0 at first.
uint32_t last_address(image::Database& database, std::string_view network_id);
void set_last_address(image::Database& database, std::string_view network_id, uint32_t address);

bool address_is_taken(image::Database& database, std::string_view network_id, uint32_t address);
bool address6_is_taken(image::Database& database, std::string_view network_id,
                       const std::string& address);
uint64_t count_endpoints(image::Database& database, std::string_view network_id);

enum class EndpointsOf { all, container, network };
// `id` is that of the container or the network.
std::vector<EndpointSettings> list_endpoints(image::Database& database, EndpointsOf scope,
                                             std::string_view id = "");
void insert_endpoint(image::Database& database, const EndpointSettings& endpoint);
void update_ports(image::Database& database, const EndpointSettings& endpoint);
void delete_endpoint(image::Database& database, std::string_view endpoint_id);

}  // namespace ctr::daemon::records
