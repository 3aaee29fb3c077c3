// The networks and who is connected to them: Docker's three predefined networks and those that
// users create, all rows of one table; a network with a bridge has an address pool (ipam.h). Owned
// by ctrd's main. Thread-safe: the database is the only state.
//
// A container's network in three calls:
//   create:  networks.find / get(name)            the network exists? which driver?
//   start:   networks.attach(request)             an address, a MAC, a host interface's name
//   end:     networks.release(container id)       the address is free again
// and at the daemon's start, once the containers are known: release_unowned(ids).
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/api/filters.h"
#include "daemon/events.h"
#include "daemon/networks/ipam.h"
#include "daemon/networks/ipam6.h"
#include "daemon/networks/ports.h"
#include "runtime/spec.h"
#include "runtime/sys/timestamp.h"

namespace ctr::image {
class Database;
}

namespace ctr::daemon {

enum class NetworkDriver { bridge, host, none };
std::string_view to_string(NetworkDriver driver);  // "bridge", "host", "null": Docker's names

// Docker's names for a bridge network's options.
namespace bridge_option {
inline constexpr const char* name = "com.docker.network.bridge.name";
inline constexpr const char* masquerade = "com.docker.network.bridge.enable_ip_masquerade";
inline constexpr const char* icc = "com.docker.network.bridge.enable_icc";
inline constexpr const char* mtu = "com.docker.network.driver.mtu";
// The host's address for ports that are published without one.
inline constexpr const char* host_binding = "com.docker.network.bridge.host_binding_ipv4";
// The host's address under which containers leave it, instead of that of the interface they leave
// by.
inline constexpr const char* source_address = "com.docker.network.host_ipv4";
// What the containers' interfaces are called before their number, "eth" by default.
inline constexpr const char* interface_prefix = "com.docker.network.container_iface_prefix";
// Of an endpoint: the whole name of its interface.
inline constexpr const char* interface_name = "com.docker.network.endpoint.ifname";
}  // namespace bridge_option

struct Network {
  std::string id;  // 64 hexadecimal digits
  std::string name;
  NetworkDriver driver = NetworkDriver::bridge;
  sys::Timestamp created = 0;
  bool predefined = false;  // bridge, host, none: cannot be removed
  bool internal = false;    // no way out
  bool attachable = false;
  std::string bridge;               // the bridge's name on the host; empty for host and none
  std::optional<AddressPool> pool;  // only with a bridge
  std::optional<AddressPool6> pool6;  // only with IPv6
  // Addresses of the pools that somebody else on the network has (--aux-address): name → address.
  std::map<std::string, std::string> auxiliary;
  uint32_t mtu = 1500;
  std::map<std::string, std::string> options;  // com.docker.network.bridge.name …
  std::map<std::string, std::string> labels;

  // com.docker.network.bridge.enable_ip_masquerade and enable_icc, on by default.
  bool masquerade() const;
  bool connects_containers() const;
  // The others of the options, or "".
  std::string option(const char* name) const;
  // Whether an address is one of the auxiliary ones, in any way to write it.
  bool is_auxiliary(uint32_t address) const;
  bool is_auxiliary(const Ipv6Address& address) const;
};

// A container's place in a network.
struct EndpointSettings {
  std::string network_id{};
  std::string network_name{};
  NetworkDriver driver = NetworkDriver::bridge;
  std::string endpoint_id{};
  std::string container_id{};
  // The rest is empty for the drivers host and none.
  std::string ip{};              // "172.17.0.2"
  int prefix = 0;                // 16
  std::string gateway{};         // "172.17.0.1"; empty on an internal network
  std::string ip6{};             // "fd00::2", these three empty without IPv6
  int prefix6 = 0;
  std::string gateway6{};
  int gateway_priority = 0;      // of whose gateways the default routes go through: the highest
  std::string mac{};             // "02:42:ac:11:00:02"
  std::string interface {};      // "eth0", inside
  std::string host_interface{};  // the other end's name, new for each attach
  std::string bridge{};
  uint32_t mtu = 1500;
  bool isolated = false;         // from the other containers of the network
  std::vector<std::string> aliases{};
  std::vector<PublishedPort> ports{};
};

// With the endpoint's address of the port's family. Error{invalid_argument} if it has none.
PortRule port_rule(const EndpointSettings& endpoint, const PublishedPort& port);

// ContainerSpec::interfaces for a container's endpoints: none for the drivers host and none; only
// one interface has the default route of a family (by priority, then by name).
std::vector<runtime::NetworkInterface> plan_interfaces(std::vector<EndpointSettings> endpoints);

// Of a container's endpoints the one that has the default route: answers leave by it, so published
// ports lead in through it. nullptr if none has a gateway.
const EndpointSettings* find_way_out(const std::vector<EndpointSettings>& endpoints);

struct AttachRequest {
  std::string container_id{};
  std::string network = "bridge";  // name, id or prefix of an id; "default" is "bridge", "" too
  std::string ip{};                // requested, or empty
  std::string ip6{};               // requested, or empty
  int gateway_priority = 0;
  std::string mac{};               // requested, or empty: made from the address
  std::string interface {};        // requested name, or empty: the network's prefix and a number
  std::vector<std::string> aliases{};
};

struct NewNetwork {
  std::string name{};
  NetworkDriver driver = NetworkDriver::bridge;
  bool internal = false;
  bool attachable = false;
  struct Subnet {
    std::string subnet{};    // "10.1.0.0/16"; empty: one that the host does not use
    std::string gateway{};   // empty: the subnet's first address
    std::string ip_range{};  // part of the subnet to allocate from; empty: all of it
  };
  Subnet ipv4{};
  Subnet ipv6{};
  bool enable_ipv6 = false;
  std::map<std::string, std::string> auxiliary{};  // name → address, of either family
  std::map<std::string, std::string> options{};
  std::map<std::string, std::string> labels{};
};

class Networks {
 public:
  // How networks appear on the host. Made and taken down through these, so that what decides is
  // tested without privileges; host_networking.h has the real one.
  class Host {
   public:
    virtual ~Host() = default;
    // The bridge, its address and its firewall table are there; cheap.
    virtual bool is_ready(const Network& network) = 0;
    // Makes them be there and as the network says, whatever was there before.
    virtual void ensure(const Network& network, const std::vector<PortRule>& ports) = 0;
    // Takes ports of the host for a container and sends what arrives there to it; all or none.
    virtual std::vector<PublishedPort> publish(const Network& network,
                                               const EndpointSettings& endpoint,
                                               const std::vector<PortRequest>& ports) = 0;
    // The endpoint's ports, which lead to the same container through another network from now on:
    // the ports of the host are held all the time. Throws if they cannot; then they lead where they
    // led.
    virtual std::vector<PublishedPort> move_ports(const Network& network,
                                                  const EndpointSettings& endpoint,
                                                  const Network& to_network,
                                                  const EndpointSettings& to) = 0;
    // A running container's ports are taken again after a restart of the daemon.
    virtual void hold_ports(const EndpointSettings& endpoint) = 0;
    virtual void unpublish(const Network& network, const EndpointSettings& endpoint) = 0;
    virtual void expect_unpublish(const std::string& container_id) = 0;
    virtual void remove(const Network& network) = 0;
    // In the background: deletes ports of the network's bridge that are not in `keep`.
    virtual void remove_ports_except(const Network& network, std::set<std::string> keep) = 0;
    // Subnets of the host's own routes, which a new network must not overlap.
    virtual std::vector<Subnet> used_subnets() = 0;
    // Address and subnet ("10.1.0.1/16") of a bridge that is there already; empty if none is.
    virtual std::string address_of(const std::string& bridge) = 0;
  };

  struct Options {
    std::string bridge = "ctr0";  // "" is "ctr0", too; "none": no bridge network
    std::string bip{};            // "172.17.0.1/16"; empty: a pool that the host does not use
    std::string fixed_cidr{};     // part of the subnet to allocate from; empty: all of it
    bool ipv6 = false;
    std::string bip6{};         // "fd00::1/64"; empty: of fixed_cidr6, or a unique local one
    std::string fixed_cidr6{};  // the subnet, or with bip6 a part of it to allocate from
    std::string host_ip{};      // for ports that are published without an address
    bool icc = true;
    bool masquerade = true;
    uint32_t mtu = 1500;
    std::vector<DefaultPool> pools{};  // for networks that ask for no subnet; empty: Docker's
  };

  // Brings the tables up to date, makes the predefined networks' rows, and each bridge on the host.
  // A bridge that cannot be set up is a warning here, and an error for who attaches to it.
  Networks(image::Database& database, Events& events, Options options, Host& host,
           std::function<void(const std::string&)> warn);

  // Takes away what the database's networks have on the host; for `ctrd --remove-host-state`, on
  // a database that no daemon uses. Containers that run lose their network.
  static void remove_from_host(image::Database& database, Host& host);

  // GET /networks?filters=…: name (part of it), id (prefix), driver, type (custom, builtin), scope,
  // label, dangling. Throws Error{invalid_argument} "invalid filter 'x'" for others.
  std::vector<Network> list(const Filters& filters = {}) const;
  // By name, id or unambiguous prefix of an id; "default" is "bridge".
  std::optional<Network> find(std::string_view name_or_id) const;
  Network get(std::string_view name_or_id) const;  // Error{not_found} "network x not found"

  Network create(const NewNetwork& wanted);  // Error{conflict} "network with name x already exists"
  void remove(std::string_view name_or_id);  // Error{forbidden} while containers are connected
  // Removes user-defined networks without containers; returns their names. Filters: label.
  std::vector<std::string> prune(const Filters& filters);

  // Reserves an address and records the endpoint; an endpoint of the same container and network
  // that is still there (a crash) is replaced. Throws Error{not_found} for the network,
  // Error{conflict} for a taken address, Error{unavailable} when the pool is exhausted.
  EndpointSettings attach(const AttachRequest& request);
  // Sees to it that a container's ports lead in through its way out, wherever they led before;
  // without a way out, nothing is published. `requests` are for a container that has no ports yet.
  // A network that it is about to leave does not count. Throws Error{internal} for a port that is
  // taken.
  void place_ports(std::string_view container_id, const std::vector<PortRequest>& requests,
                   std::string_view leaving_network = "");
  void release(std::string_view container_id);
  // The container has ended and will be released soon. Does not block.
  void expect_release(const std::string& container_id) { host_.expect_unpublish(container_id); }
  void release(std::string_view container_id, std::string_view network_id);
  // Makes bridges and rules be there again that somebody took away. Never throws.
  void restore();
  // Recovery: frees what belongs to none of these containers, which are those that run.
  void release_unowned(const std::set<std::string>& container_ids);

  std::vector<EndpointSettings> endpoints_of(std::string_view container_id) const;
  std::vector<EndpointSettings> endpoints_in(std::string_view network_id) const;
  // Whether who has these endpoints has neighbours with names: a network that users made is among
  // them.
  bool has_names(const std::vector<EndpointSettings>& endpoints) const;

 private:
  void add_predefined(const Options& options);
  void add_bridge_network(const Options& options);
  void remove_bridge_network();
  AddressPool choose_bridge_subnet(const Options& options, const std::optional<Network>& old);
  AddressPool choose_bridge_pool(const Options& options, const std::optional<Network>& old);
  AddressPool6 choose_bridge_pool6(const Options& options, const std::optional<Network>& old);
  AddressPool choose_free_pool();
  AddressPool choose_pool(const NewNetwork::Subnet& wanted);
  AddressPool6 choose_pool6(const NewNetwork::Subnet& wanted);
  Network plan_network(const NewNetwork& wanted);
  void ensure_bridges();
  void ensure_ready(const Network& network);
  void remove_from_host(const Network& network);
  uint32_t choose_address(const Network& network, const std::string& requested);
  std::string choose_address6(const Network& network, const std::string& requested,
                              uint32_t address);
  void move_ports(EndpointSettings holder, EndpointSettings target);
  std::vector<PortRule> port_rules(const Network& network) const;
  void release_endpoints(const std::vector<EndpointSettings>& endpoints);
  void publish(std::string action, const Network& network, const std::string& container = "");

  image::Database& database_;
  Events& events_;
  Host& host_;
  const std::vector<DefaultPool> pools_;
  std::function<void(const std::string&)> warn_;
  // One change of the host at a time: bridges are made and removed while attaches go on.
  std::mutex host_mutex_;
};

}  // namespace ctr::daemon
