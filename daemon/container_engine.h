// Everything about containers, put together: what Engine needs of it are five calls.
// Owned by Engine, after the stores and networks that it uses. Runs in: ctrd.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include <optional>

#include "daemon/config.h"
#include "daemon/containers.h"
#include "daemon/dns/name_server.h"
#include "daemon/exec_sessions.h"
#include "daemon/health_checks.h"
#include "daemon/server/exchange.h"
#include "image/snapshotter.h"

namespace ctr::daemon {

// "/ctr": the cgroup below which the containers have theirs. Daemons with roots of their own share
// the machine's hierarchies: each cleans up below its own parent, and must never see the others'
// cgroups as left-overs.
std::string cgroup_parent(const Config& config);

// --seccomp-profile's text; empty: the built-in one, or none. Throws Error{invalid_argument} for what
// is no profile: a mistake must not show at the first container only.
std::string default_seccomp_profile(const Config& config);

class ContainerEngine {
 public:
  struct Services {
    image::Database& database;
    image::LayerStore& layers;
    image::ImageStore& images;
    Networks& networks;
    Events& events;
  };
  // Recovers what the last daemon left: when this returns, requests may come.
  ContainerEngine(const Config& config, Services services);
  ~ContainerEngine();
  ContainerEngine(const ContainerEngine&) = delete;
  ContainerEngine& operator=(const ContainerEngine&) = delete;

  void add_routes(Router& router);
  Containers& containers() { return containers_; }

  // For GET /info and /system/df.
  struct Counts {
    int64_t running = 0;
    int64_t paused = 0;
    int64_t stopped = 0;
  };
  Counts count() const;
  nlohmann::json usage_json();  // of containers, as list gives them with sizes

 private:
  void begin_run(const std::string& container_id);
  void lend_names(const std::string& container_id);

  image::Snapshotter snapshotter_;
  Containers containers_;
  ExecSessions execs_;
  std::optional<HealthChecks> health_checks_;
  std::optional<dns::NameServer> name_server_;
};

}  // namespace ctr::daemon
