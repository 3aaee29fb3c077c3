#include <doctest/doctest.h>
#include <stdlib.h>

#include "daemon/networks/records.h"
#include "daemon/networks/networks.h"
#include "image/database.h"
#include "runtime/sys/error.h"
#include "runtime/sys/file.h"

using namespace ctr;
using namespace ctr::daemon;
using sys::Error;
using sys::ErrorKind;

namespace {

// Remembers what a host would have been told.
struct RecordedHost : Networks::Host {
  bool is_ready(const Network& network) override { return bridges.contains(network.bridge); }
  std::vector<PublishedPort> publish(const Network&, const EndpointSettings& endpoint,
                                     const std::vector<PortRequest>& ports) override {
    if (fails) throw Error(ErrorKind::internal, "Bind for 0.0.0.0:80 failed: port is already allocated");
    std::vector<PublishedPort> made;
    for (const PortRequest& port : ports)
      made.push_back({port.protocol, port.host_ip, port.first, port.container_port});
    published[endpoint.container_id] = made;
    return made;
  }
  std::vector<PublishedPort> move_ports(const Network&, const EndpointSettings& endpoint,
                                        const Network& to, const EndpointSettings&) override {
    moved_to = to.name;
    return endpoint.ports;
  }
  void hold_ports(const EndpointSettings& endpoint) override {
    held.insert(endpoint.container_id);
  }
  void unpublish(const Network&, const EndpointSettings& endpoint) override {
    published.erase(endpoint.container_id);
  }
  void expect_unpublish(const std::string&) override {}
  void ensure(const Network& network, const std::vector<PortRule>& ports) override {
    rules[network.bridge] = ports;
    if (fails) throw Error(ErrorKind::internal, "no bridges here");
    bridges.insert(network.bridge);
  }
  void remove(const Network& network) override { bridges.erase(network.bridge); }
  void remove_ports_except(const Network& network, std::set<std::string> keep) override {
    kept[network.bridge] = std::move(keep);
  }
  std::vector<Subnet> used_subnets() override { return used; }
  std::string address_of(const std::string&) override { return existing; }

  bool fails = false;
  std::string moved_to;
  std::set<std::string> bridges;
  std::map<std::string, std::vector<PublishedPort>> published;
  std::map<std::string, std::vector<PortRule>> rules;
  std::set<std::string> held;
  std::map<std::string, std::set<std::string>> kept;
  std::vector<Subnet> used;
  std::string existing;
};

struct Fixture {
  Fixture() {
    char name[] = "/tmp/ctr-networks-XXXXXX";
    REQUIRE(::mkdtemp(name) != nullptr);
    directory = name;
    start();
  }
  ~Fixture() {
    networks.reset();
    database.reset();
    sys::remove_tree(directory);
  }
  // A daemon's start, also again on the same database.
  void start(Networks::Options options = {}) {
    networks.reset();
    database.reset();
    database = std::make_unique<image::Database>(directory + "/ctr.db");
    networks =
        std::make_unique<Networks>(*database, events, options, host,
                                   [&](const std::string& text) { warnings.push_back(text); });
  }

  std::string directory;
  std::unique_ptr<image::Database> database;
  Events events;
  RecordedHost host;
  std::vector<std::string> warnings;
  std::unique_ptr<Networks> networks;
};

template <class Call>
ErrorKind kind_of(Call call) {
  try {
    call();
  } catch (const Error& error) {
    return error.kind();
  }
  FAIL("nothing was thrown");
  return ErrorKind::internal;
}

}  // namespace

TEST_CASE_FIXTURE(Fixture,
                  "three networks are there from the start, with the same ids ever after") {
  auto before = networks->list();
  REQUIRE(before.size() == 3);
  CHECK(before[0].name == "bridge");
  CHECK(before[1].name == "host");
  CHECK(before[2].name == "none");
  CHECK(to_string(before[0].pool->subnet) == "172.17.0.0/16");
  CHECK(host.bridges == std::set<std::string>{"ctr0"});
  start();
  auto after = networks->list();
  for (size_t i = 0; i < 3; ++i) CHECK(after[i].id == before[i].id);
}

TEST_CASE_FIXTURE(Fixture,
                  "the bridge network has IPv6 when the daemon is told so, and loses it again") {
  CHECK(!networks->get("bridge").pool6);
  start({.ipv6 = true});
  const std::string unique = to_string(networks->get("bridge").pool6->subnet);
  CHECK(unique.starts_with("fd"));
  start({.ipv6 = true});
  CHECK(to_string(networks->get("bridge").pool6->subnet) == unique);
  start({.ipv6 = true, .fixed_cidr6 = "fd00:5::/64"});
  CHECK(networks->attach({.container_id = "c1"}).ip6 == "fd00:5::2");
  networks->release("c1");
  start({.ipv6 = true, .bip6 = "fd00:6::9/64", .fixed_cidr6 = "fd00:6::100/120"});
  EndpointSettings endpoint = networks->attach({.container_id = "c1"});
  CHECK(endpoint.gateway6 == "fd00:6::9");
  CHECK(endpoint.ip6.starts_with("fd00:6::10"));
  networks->release("c1");
  start();
  CHECK(!networks->get("bridge").pool6);
}

TEST_CASE_FIXTURE(
    Fixture, "the bridge network gives addresses from the part of its subnet that it is told") {
  start({.bip = "10.9.0.1/16", .fixed_cidr = "10.9.3.0/24"});
  CHECK(networks->attach({.container_id = "c1"}).ip.starts_with("10.9.3."));
  networks->release("c1");
  start({.bip = "10.9.0.1/16"});
  CHECK(networks->get("bridge").pool->range == networks->get("bridge").pool->subnet);
  start({.bridge = "other0", .fixed_cidr = "10.8.0.0/24"});
  CHECK(to_string(networks->get("bridge").pool->subnet) == "10.8.0.0/24");
  CHECK(kind_of([&] { start({.bip = "10.9.0.1/16", .fixed_cidr = "10.8.0.0/24"}); }) ==
        ErrorKind::invalid_argument);
}

TEST_CASE_FIXTURE(Fixture, "a network's options name its interfaces, and an endpoint's its own") {
  networks->create({.name = "lan", .options = {{bridge_option::interface_prefix, "lan"}}});
  CHECK(networks->attach({.container_id = "c1", .network = "lan"}).interface == "lan0");
  CHECK(networks->attach({.container_id = "c1", .interface = "up"}).interface == "up");
  CHECK(kind_of([&] { networks->attach({.container_id = "c2", .interface = "lo"}); }) ==
        ErrorKind::conflict);
  CHECK(kind_of([&] { networks->attach({.container_id = "c2", .interface = "a/b"}); }) ==
        ErrorKind::invalid_argument);
  for (const char* option : {bridge_option::host_binding, bridge_option::source_address})
    CHECK(kind_of([&] {
            networks->create({.name = "bad", .options = {{option, "x"}}});
          }) == ErrorKind::invalid_argument);
}

TEST_CASE_FIXTURE(Fixture, "a network that was taken from the host is made there again") {
  networks->attach({.container_id = "c1"});
  networks->place_ports("c1", {{.container_port = 80, .first = 8080, .last = 8080}});
  host.bridges.clear();
  host.rules.clear();
  networks->restore();
  CHECK(host.rules["ctr0"].size() == 1);
  CHECK(warnings.size() == 1);
  networks->restore();
  CHECK(warnings.size() == 1);
}

TEST_CASE_FIXTURE(Fixture, "a network is found by name, id, prefix, and as default") {
  Network bridge = networks->get("bridge");
  CHECK(networks->get("default").id == bridge.id);
  CHECK(networks->get("").id == bridge.id);
  CHECK(networks->get(bridge.id).id == bridge.id);
  CHECK(networks->get(bridge.id.substr(0, 12)).id == bridge.id);
  CHECK(!networks->find("nothing"));
  CHECK_THROWS_WITH(networks->get("nothing"), "network nothing not found");
  CHECK(!networks->find("%"));
}

TEST_CASE_FIXTURE(Fixture, "an endpoint has an address, a MAC and a fresh host interface") {
  auto first = networks->attach({.container_id = "one"});
  CHECK(first.ip == "172.17.0.2");
  CHECK(first.prefix == 16);
  CHECK(first.gateway == "172.17.0.1");
  CHECK(first.mac == "02:42:ac:11:00:02");
  CHECK(first.interface == "eth0");
  CHECK(first.host_interface.size() == 15);
  auto second = networks->attach({.container_id = "two"});
  CHECK(second.ip == "172.17.0.3");
  CHECK(second.host_interface != first.host_interface);
  auto stored = networks->endpoints_of("two");
  REQUIRE(stored.size() == 1);
  CHECK(stored[0].ip == "172.17.0.3");
  CHECK(stored[0].gateway == "172.17.0.1");
  CHECK(stored[0].bridge == "ctr0");
}

TEST_CASE_FIXTURE(Fixture, "a released address is not reused at once, also over a restart") {
  CHECK(networks->attach({.container_id = "one"}).ip == "172.17.0.2");
  networks->release("one");
  CHECK(networks->attach({.container_id = "one"}).ip == "172.17.0.3");
  networks->release("one");
  start();
  CHECK(networks->attach({.container_id = "one"}).ip == "172.17.0.4");
}

TEST_CASE_FIXTURE(Fixture, "attaching again replaces what a crash left") {
  networks->attach({.container_id = "one"});
  networks->attach({.container_id = "one"});
  CHECK(networks->endpoints_of("one").size() == 1);
}

TEST_CASE_FIXTURE(Fixture, "a requested address is reserved, and refused where it cannot be") {
  CHECK(networks->attach({.container_id = "one", .ip = "172.17.9.9"}).ip == "172.17.9.9");
  auto attach = [&](const char* ip) {
    return [this, ip] { networks->attach({.container_id = "two", .ip = ip}); };
  };
  CHECK(kind_of(attach("172.17.9.9")) == ErrorKind::conflict);
  CHECK(kind_of(attach("172.17.0.1")) == ErrorKind::invalid_argument);
  CHECK(kind_of(attach("10.0.0.1")) == ErrorKind::invalid_argument);
  CHECK(kind_of(attach("nonsense")) == ErrorKind::invalid_argument);
  CHECK(networks->endpoints_of("two").empty());
}

TEST_CASE_FIXTURE(Fixture, "a requested MAC must be one that an interface can have") {
  CHECK(networks->attach({.container_id = "one", .mac = "02:00:00:00:00:07"}).mac ==
        "02:00:00:00:00:07");
  CHECK_THROWS_AS(networks->attach({.container_id = "two", .mac = "01:00:00:00:00:07"}), Error);
  CHECK_THROWS_AS(networks->attach({.container_id = "two", .mac = "x"}), Error);
}

TEST_CASE_FIXTURE(Fixture, "an exhausted pool is a clear error, and a release mends it (L46)") {
  start({.bridge = "ctr0", .bip = "10.0.0.1/30"});
  networks->attach({.container_id = "one"});
  CHECK(kind_of([&] { networks->attach({.container_id = "two"}); }) == ErrorKind::unavailable);
  networks->release("one");
  CHECK(networks->attach({.container_id = "two"}).ip == "10.0.0.2");
}

TEST_CASE_FIXTURE(Fixture, "recovery frees what no running container owns") {
  auto kept = networks->attach({.container_id = "runs"});
  networks->attach({.container_id = "gone"});
  start();
  networks->release_unowned({"runs"});
  CHECK(networks->endpoints_of("gone").empty());
  CHECK(networks->endpoints_of("runs").size() == 1);
  CHECK(host.kept["ctr0"] == std::set<std::string>{kept.host_interface});
}

TEST_CASE_FIXTURE(Fixture, "host and none have endpoints without addresses") {
  auto endpoint = networks->attach({.container_id = "one", .network = "host"});
  CHECK(endpoint.driver == NetworkDriver::host);
  CHECK(endpoint.ip.empty());
  CHECK(plan_interfaces(networks->endpoints_of("one")).empty());
}

TEST_CASE_FIXTURE(Fixture, "the first start avoids the host's routes and keeps its choice") {
  host.used = {{172U << 24 | 17U << 16, 16}};
  networks->create({.name = "other"});
  CHECK(to_string(networks->get("other").pool->subnet) == "172.18.0.0/16");
  start();
  CHECK(to_string(networks->get("bridge").pool->subnet) == "172.17.0.0/16");
}

TEST_CASE_FIXTURE(Fixture, "a bridge that is there already keeps its address") {
  host.existing = "10.7.0.1/24";
  start({.bridge = "br9"});
  CHECK(to_string(networks->get("bridge").pool->subnet) == "10.7.0.0/24");
  CHECK(host.bridges == std::set<std::string>{"br9"});
}

TEST_CASE_FIXTURE(Fixture, "--bridge none takes the network away, and a name brings it back") {
  start({.bridge = "none"});
  CHECK(!networks->find("bridge"));
  CHECK(host.bridges.empty());
  start();
  CHECK(networks->find("bridge"));
}

TEST_CASE_FIXTURE(Fixture,
                  "a bridge that cannot be made is a warning first and an error for its user") {
  host.fails = true;
  host.bridges.clear();
  start();
  REQUIRE(warnings.size() == 1);
  CHECK_THROWS_WITH(networks->attach({.container_id = "one"}), "no bridges here");
  host.fails = false;
  CHECK_NOTHROW(networks->attach({.container_id = "one"}));
}

TEST_CASE_FIXTURE(Fixture, "users make, use and remove networks") {
  Network made = networks->create({.name = "app", .ipv4 = {.subnet = "10.5.0.0/24"}, .labels = {{"a", "b"}}});
  CHECK(host.bridges.contains("br-" + made.id.substr(0, 12)));
  CHECK(networks->get("app").labels.at("a") == "b");
  networks->attach({.container_id = "one"});
  auto second = networks->attach({.container_id = "one", .network = "app"});
  CHECK(second.interface == "eth1");
  auto interfaces = plan_interfaces(networks->endpoints_of("one"));
  REQUIRE(interfaces.size() == 2);
  CHECK(interfaces[0].name == "eth1");  // "app" comes before "bridge"
  CHECK(interfaces[0].gateway == "10.5.0.1");
  CHECK(interfaces[1].gateway.empty());
  CHECK(kind_of([&] { networks->remove("app"); }) == ErrorKind::forbidden);
  networks->release("one", made.id);
  networks->remove("app");
  CHECK(!networks->find("app"));
  CHECK(!host.bridges.contains(made.bridge));
}

TEST_CASE_FIXTURE(Fixture, "a network with IPv6 gives addresses of both families") {
  networks->create({.name = "dual",
                    .ipv4 = {.subnet = "10.5.0.0/24"},
                    .ipv6 = {.subnet = "fd00:5::/64"},
                    .enable_ipv6 = true});
  auto first = networks->attach({.container_id = "one", .network = "dual"});
  CHECK(first.ip == "10.5.0.2");
  CHECK(first.ip6 == "fd00:5::2");
  CHECK(first.gateway6 == "fd00:5::1");
  auto asked = networks->attach({.container_id = "two", .network = "dual", .ip6 = "fd00:5:0:0::0003"});
  CHECK(asked.ip6 == "fd00:5::3");
  CHECK(networks->attach({.container_id = "three", .network = "dual"}).ip6 == "fd00:5::4");
  CHECK(kind_of([&] {
          networks->attach({.container_id = "four", .network = "dual", .ip6 = "fd00:5::3"});
        }) == ErrorKind::conflict);
  CHECK(kind_of([&] {
          networks->attach({.container_id = "four", .network = "dual", .ip6 = "fd00:6::3"});
        }) == ErrorKind::invalid_argument);
  auto interfaces = plan_interfaces(networks->endpoints_of("one"));
  CHECK(interfaces.at(0).address6 == "fd00:5::2/64");
  CHECK(interfaces.at(0).gateway6 == "fd00:5::1");
  networks->create({.name = "unique", .enable_ipv6 = true});
  CHECK(networks->attach({.container_id = "one", .network = "unique"}).ip6.starts_with("fd"));
}

TEST_CASE_FIXTURE(Fixture, "an auxiliary address is given to nobody") {
  networks->create({.name = "app",
                    .ipv4 = {.subnet = "10.5.0.0/24"},
                    .ipv6 = {.subnet = "fd00:5::/64"},
                    .enable_ipv6 = true,
                    .auxiliary = {{"router", "10.5.0.2"}, {"printer", "fd00:5::3"}}});
  auto endpoint = networks->attach({.container_id = "one", .network = "app"});
  CHECK(endpoint.ip == "10.5.0.3");
  CHECK(endpoint.ip6 == "fd00:5::4");
  CHECK(kind_of([&] {
          networks->attach({.container_id = "two", .network = "app", .ip = "10.5.0.2"});
        }) == ErrorKind::conflict);
}

TEST_CASE_FIXTURE(Fixture, "the default route goes through the network of the highest priority") {
  networks->create({.name = "app", .ipv4 = {.subnet = "10.5.0.0/24"}});
  networks->attach({.container_id = "one", .network = "app"});
  networks->attach({.container_id = "one", .gateway_priority = 5});
  auto interfaces = plan_interfaces(networks->endpoints_of("one"));
  CHECK(interfaces.at(0).name == "eth1");
  CHECK(!interfaces.at(0).gateway.empty());
  CHECK(interfaces.at(1).gateway.empty());
}

TEST_CASE_FIXTURE(Fixture, "containers that shall not talk to each other have isolated ports") {
  networks->create({.name = "apart", .options = {{bridge_option::icc, "false"}}});
  networks->attach({.container_id = "one", .network = "apart"});
  CHECK(plan_interfaces(networks->endpoints_of("one")).at(0).isolated);
  CHECK(!networks->get("apart").connects_containers());
}

TEST_CASE_FIXTURE(Fixture, "an internal network gives no gateway") {
  networks->create({.name = "inside", .internal = true});
  CHECK(networks->attach({.container_id = "one", .network = "inside"}).gateway.empty());
}

TEST_CASE_FIXTURE(Fixture, "networks that cannot be are refused") {
  auto create = [&](NewNetwork wanted) { return [this, wanted] { networks->create(wanted); }; };
  networks->create({.name = "app", .ipv4 = {.subnet = "10.5.0.0/24"}});
  CHECK(kind_of(create({.name = "app"})) == ErrorKind::conflict);
  CHECK(kind_of(create({.name = "bridge"})) == ErrorKind::forbidden);
  CHECK(kind_of(create({.name = "default"})) == ErrorKind::conflict);
  CHECK(kind_of(create({.name = "a/b"})) == ErrorKind::invalid_argument);
  CHECK(kind_of(create({.name = ""})) == ErrorKind::invalid_argument);
  CHECK(kind_of(create({.name = "b", .ipv4 = {.subnet = "10.5.0.128/25"}})) == ErrorKind::forbidden);
  CHECK(kind_of(create({.name = "b", .ipv4 = {.gateway = "10.6.0.1"}})) == ErrorKind::invalid_argument);
  CHECK(kind_of(create({.name = "b", .ipv4 = {.subnet = "10.7.0.0/24"}, .auxiliary = {{"a", "10.8.0.1"}}})) ==
        ErrorKind::invalid_argument);
  CHECK(kind_of(create({.name = "b", .auxiliary = {{"a", "fd00::5"}}})) == ErrorKind::invalid_argument);
  CHECK(kind_of(create({.name = "b", .options = {{bridge_option::name, "a b"}}})) ==
        ErrorKind::invalid_argument);
  CHECK(kind_of(create({.name = "b", .options = {{bridge_option::mtu, "12x"}}})) ==
        ErrorKind::invalid_argument);
  CHECK(kind_of([&] { networks->remove("bridge"); }) == ErrorKind::forbidden);
}

TEST_CASE_FIXTURE(Fixture, "a network whose bridge cannot be made is not there afterwards") {
  host.fails = true;
  CHECK_THROWS_AS(networks->create({.name = "app"}), Error);
  CHECK(!networks->find("app"));
}

TEST_CASE_FIXTURE(Fixture, "filters choose networks as Docker's do") {
  networks->create({.name = "app", .labels = {{"team", "a"}}});
  auto names = [&](const char* filters) {
    std::string text;
    for (const Network& network : networks->list(Filters::parse(filters)))
      text += network.name + " ";
    return text;
  };
  CHECK(names(R"({"type":["custom"]})") == "app ");
  CHECK(names(R"({"type":["builtin"]})") == "bridge host none ");
  CHECK(names(R"({"driver":["null","host"]})") == "host none ");
  CHECK(names(R"({"name":["ri"]})") == "bridge ");
  CHECK(names(R"({"label":["team=a"]})") == "app ");
  CHECK(names(R"({"dangling":["true"]})") == "app ");
  CHECK(names(R"({"scope":["swarm"]})") == "");
  CHECK_THROWS_AS(names(R"({"colour":["red"]})"), Error);
  CHECK_THROWS_AS(names(R"({"type":["other"]})"), Error);
}

TEST_CASE_FIXTURE(Fixture, "prune removes what users made and nobody uses") {
  networks->create({.name = "idle"});
  networks->create({.name = "used"});
  networks->attach({.container_id = "one", .network = "used"});
  CHECK(networks->prune({}) == std::vector<std::string>{"idle"});
  CHECK(networks->list().size() == 4);
}

TEST_CASE_FIXTURE(Fixture, "everything can be taken off the host without a daemon") {
  networks->create({.name = "app"});
  networks.reset();
  Networks::remove_from_host(*database, host);
  CHECK(host.bridges.empty());
}

namespace {

const std::vector<PortRequest> web{
    {.protocol = "tcp", .container_port = 80, .host_ip = "0.0.0.0", .first = 8080}};

const EndpointSettings* find_endpoint(const std::vector<EndpointSettings>& endpoints,
                                      const std::string& network) {
  for (const EndpointSettings& endpoint : endpoints)
    if (endpoint.network_name == network) return &endpoint;
  return nullptr;
}

}  // namespace

TEST_CASE_FIXTURE(Fixture, "published ports outlive the daemon and go with their container") {
  networks->attach({.container_id = "c1"});
  networks->place_ports("c1", web);
  CHECK(networks->endpoints_of("c1").at(0).ports.at(0).host_port == 8080);
  start();
  networks->release_unowned({"c1"});
  CHECK(host.held == std::set<std::string>{"c1"});
  REQUIRE(host.rules["ctr0"].size() == 1);
  CHECK(host.rules["ctr0"][0].container_ip == "172.17.0.2");
  networks->release("c1");
  CHECK(host.published.empty());
}

TEST_CASE_FIXTURE(Fixture,
                  "ports lead in through the network of the default route, and move with it") {
  networks->create({.name = "app"});
  networks->create({.name = "inner", .internal = true});
  networks->attach({.container_id = "c1", .network = "inner"});
  networks->place_ports("c1", web);
  CHECK(host.published.empty());  // nobody would come
  networks->attach({.container_id = "c1", .network = "bridge"});
  networks->place_ports("c1", web);
  CHECK(host.published.size() == 1);
  networks->attach({.container_id = "c1", .network = "app", .gateway_priority = 1});
  networks->place_ports("c1", web);
  CHECK(host.moved_to == "app");
  CHECK(find_endpoint(networks->endpoints_of("c1"), "bridge")->ports.empty());
  networks->place_ports("c1", {}, networks->get("app").id);
  CHECK(host.moved_to == "bridge");
  CHECK(find_endpoint(networks->endpoints_of("c1"), "bridge")->ports.size() == 1);
  networks->release("c1", networks->get("app").id);
  CHECK(host.published.size() == 1);
}

TEST_CASE_FIXTURE(Fixture, "a port that is taken is not recorded (W07)") {
  networks->attach({.container_id = "c1"});
  host.fails = true;
  CHECK(kind_of([&] { networks->place_ports("c1", web); }) == ErrorKind::internal);
  CHECK(networks->endpoints_of("c1").at(0).ports.empty());
}
