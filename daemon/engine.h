// All that the daemon is made of, in the order in which each part needs the ones before it. Made by
// main once the data root is ours; destroyed in reverse when no request runs any more.
#pragma once

#include <optional>
#include <string>

#include "daemon/config.h"
#include "daemon/container_engine.h"
#include "daemon/events.h"
#include "daemon/image_search.h"
#include "daemon/images.h"
#include "daemon/networks/firewall_watch.h"
#include "daemon/networks/host_networking.h"
#include "daemon/networks/networks.h"
#include "daemon/server/exchange.h"
#include "image/content_store.h"
#include "image/database.h"
#include "image/image_store.h"
#include "image/layer_store.h"
#include "image/puller.h"
#include "image/registry_client.h"

namespace ctr::daemon {

class Engine {
 public:
  // Opens the stores below the data root and finds again what is there. Throws Error.
  explicit Engine(const Config& config);
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  // The one place where resources and paths meet.
  void add_routes(Router& router);

  // Takes away what a crash left unreferenced. Requests may run meanwhile.
  void collect_garbage();

  Events& events() { return events_; }

 private:
  const Config& config_;
  std::string id_;
  Events events_;
  image::Database database_;
  image::ContentStore content_;
  image::LayerStore layers_;
  image::ImageStore image_store_;
  image::RegistryClient registry_;
  image::Puller puller_;
  Images images_;
  ImageSearch search_;
  HostNetworking host_networking_;
  Networks networks_;
  ContainerEngine containers_;
  std::optional<FirewallWatch> firewall_watch_;  // of what networks_ made
};

// `ctrd --validate`: throws Error{invalid_argument} for what only the parts that use a setting can tell.
void check_settings(const Config& config);

// `ctrd --remove-host-state`: what the database's networks have on this host goes.
void remove_host_state(const Config& config);

}  // namespace ctr::daemon
