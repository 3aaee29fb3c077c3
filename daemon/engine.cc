#include "daemon/engine.h"

#include <nlohmann/json.hpp>

#include "daemon/api/container_schema.h"
#include "daemon/logging.h"
#include "daemon/routes/events.h"
#include "daemon/routes/image_json.h"
#include "daemon/routes/image_making.h"
#include "daemon/routes/images.h"
#include "daemon/routes/networks.h"
#include "daemon/routes/system.h"
#include "daemon/routes/volumes.h"
#include "runtime/cgroup/cgroup.h"
#include "runtime/network/interfaces.h"
#include "runtime/sys/error.h"
#include "runtime/sys/file.h"

namespace ctr::daemon {

using nlohmann::json;

namespace {

// Partial downloads that nobody asked for again.
constexpr std::chrono::hours ingest_age{24 * 7};

// The engine's identity, kept for as long as its data.
std::string read_id(const Config& config) {
  const std::string path = config.data_root + "/engine-id";
  if (std::optional<std::string> text = sys::find_file(path); text && !text->empty()) return *text;
  std::string hex = sys::random_hex(16);
  for (size_t dash : {8, 13, 18, 23}) hex.insert(dash, 1, '-');
  sys::write_atomically(path, hex, 0600, sys::Durability::across_power_cut);
  return hex;
}

image::RegistryConfig registry_config(const Config& config) {
  image::RegistryConfig registry;
  registry.insecure_registries = config.insecure_registries;
  registry.mirrors = config.registry_mirrors;
  registry.proxy = {config.http_proxy, config.https_proxy, config.no_proxy};
  registry.timing.attempts = static_cast<unsigned>(config.max_download_attempts);
  registry.timing.connect_attempts =
      std::min(registry.timing.connect_attempts, registry.timing.attempts);
  registry.parallel_layers = static_cast<unsigned>(config.max_concurrent_downloads);
  return registry;
}

Networks::Options network_options(const Config& config) {
  Networks::Options options;
  if (!config.bridge.empty()) options.bridge = config.bridge;
  options.bip = config.bip;
  options.fixed_cidr = config.fixed_cidr;
  options.ipv6 = config.ipv6;
  options.bip6 = config.bip6;
  options.fixed_cidr6 = config.fixed_cidr6;
  options.host_ip = config.host_ip;
  options.icc = config.icc;
  options.masquerade = config.ip_masq;
  options.mtu = static_cast<uint32_t>(config.mtu);
  if (!config.bip.empty() && !config.fixed_cidr.empty())
    (void)plan_pool(config.bip, "", config.fixed_cidr);
  if (!config.host_ip.empty() && !runtime::parse_ipv4(config.host_ip))
    throw sys::Error(sys::ErrorKind::invalid_argument,
                     fmt::format("invalid ip '{}': not an IPv4 address", config.host_ip));
  for (const AddressPoolSetting& pool : config.default_address_pools)
    options.pools.push_back(plan_default_pool(pool.base, pool.size));
  return options;
}

void warn(const std::string& text) {
  log_warn(text);
}

json image_usage_json(const Images& images) {
  ImageListOptions options{max_api_version, true, false};
  json list = json::array();
  for (const ImageFacts& facts : images.list({})) {
    json summary = image_summary_json(images, facts, options);
    // From the older name of the size, clients before API 1.44 compute what can be reclaimed.
    summary["VirtualSize"] = facts.image.size;
    list.push_back(std::move(summary));
  }
  return list;
}

// Without the slash; nullopt where the container is gone.
std::optional<std::string> find_container_name(const Containers& containers,
                                               const std::string& id) {
  try {
    const std::string name = containers.snapshot(id).record.name;
    return name.starts_with("/") ? name.substr(1) : name;
  } catch (const sys::Error&) {
    return std::nullopt;
  }
}

}  // namespace

Engine::Engine(const Config& config)
    : config_(config),
      id_(read_id(config)),
      database_(config.data_root + "/ctr.db"),
      content_(config.data_root + "/blobs"),
      layers_(config.data_root + "/layers"),
      image_store_(database_, content_, layers_),
      registry_(registry_config(config)),
      puller_(registry_, content_, layers_),
      images_(
          {content_, layers_, image_store_, puller_, registry_, events_, config.embedded_images}),
      search_(registry_.config()),
      host_networking_(warn, {.firewall = config.iptables, .forwarding = config.ip_forward}),
      networks_(database_, events_, network_options(config), host_networking_, warn),
      containers_(config, {database_, layers_, image_store_, networks_, events_}) {
  if (config.iptables) firewall_watch_.emplace([this] { networks_.restore(); });
  images_.set_users([this] { return containers_.containers().image_users(); });
}

void Engine::collect_garbage() {
  content_.expire_ingests(ingest_age);
  image_store_.collect_garbage(containers_.containers().image_users());
}

void Engine::add_routes(Router& router) {
  SystemSources system{.config = config_, .events = events_, .engine_id = id_};
  system.count_containers = [this] {
    ContainerEngine::Counts counts = containers_.count();
    return ContainerCounts{counts.running, counts.paused, counts.stopped};
  };
  system.list_container_usage = [this] { return containers_.usage_json(); };
  system.list_volume_usage = [this] { return volume_usage_json(containers_.containers()); };
  system.count_images = [this] { return static_cast<int64_t>(images_.count()); };
  system.list_image_usage = [this] { return image_usage_json(images_); };
  system.layers_size = [this] { return static_cast<int64_t>(images_.layers_size()); };
  system.check_credentials = [this](const std::string& server, const image::Credentials& who) {
    images_.check_credentials(server, who);
  };
  add_system_routes(router, std::move(system));
  add_event_routes(router, events_);
  ImageMaking making{containers_.containers(), images_, config_.data_root + "/tmp",
                     registry_.config()};
  sys::make_directories(making.scratch, 0700);
  add_image_routes(router, images_, search_,
                   [making](Exchange& exchange) { import_image(exchange, making); });
  add_image_making_routes(router, making);
  Containers& containers = containers_.containers();
  add_network_routes(
      router, {.networks = networks_,
               .container_name = [&](auto& id) { return find_container_name(containers, id); },
               .connect =
                   [&](auto& container, auto& network, auto& endpoint) {
                     containers.connect_network(container, network,
                                                api::normalise_endpoint(endpoint));
                   },
               .disconnect =
                   [&](auto& container, auto& network, bool force) {
                     containers.disconnect_network(container, network, force);
                   }});
  containers_.add_routes(router);
}

void check_settings(const Config& config) {
  (void)network_options(config);
  (void)default_seccomp_profile(config);
}

void remove_host_state(const Config& config) {
  if (auto parent = runtime::Cgroup::find(runtime::detect_layout(), cgroup_parent(config)))
    parent->remove();
  const std::string path = config.data_root + "/ctr.db";
  if (!sys::exists(path)) return;
  image::Database database(path);
  HostNetworking host(warn, {.firewall = config.iptables});
  Networks::remove_from_host(database, host);
}

}  // namespace ctr::daemon
