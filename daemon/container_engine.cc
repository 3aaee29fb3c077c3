#include "daemon/container_engine.h"

#include <dirent.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "daemon/apparmor.h"
#include "daemon/container_checks.h"
#include "daemon/container_view.h"
#include "daemon/disk_usage.h"
#include "daemon/log_options.h"
#include "daemon/logging.h"
#include "daemon/name_lookup.h"
#include "daemon/routes/containers.h"
#include "daemon/routes/exec.h"
#include "daemon/routes/volumes.h"
#include "image/digest.h"
#include "runtime/security/capabilities.h"
#include "runtime/security/seccomp_compiler.h"
#include "runtime/sys/error.h"
#include "runtime/sys/file.h"
#include "runtime/sys/number_list.h"

namespace ctr::daemon {

namespace {

using nlohmann::json;

constexpr const char* default_exec_root = "/run/ctr";
constexpr size_t max_seccomp_profile_bytes = 1 << 20;

std::string find_init(const Config& config) {
  if (!config.init_path.empty()) return config.init_path;
  for (const char* path : {"/usr/bin/tini-static", "/usr/libexec/docker/docker-init"})
    if (sys::exists(path)) return path;
  return "";
}

unsigned possible_cpus() {
  std::string text = sys::find_file("/sys/devices/system/cpu/possible", 4096).value_or("0");
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return static_cast<unsigned>(sys::parse_number_list(text).back()) + 1;
}

HostFacts host_facts(const Config& config) {
  HostFacts facts;
  facts.possible_cpus = possible_cpus();
  facts.docker_init = find_init(config);
  facts.init = config.init;
  facts.no_new_privileges = config.no_new_privileges;
  facts.seccomp_unconfined = config.seccomp_profile == "unconfined";
  facts.seccomp_profile = default_seccomp_profile(config);
  facts.kernel_capabilities = runtime::available_capabilities();
  facts.apparmor_profile =
      prepare_apparmor(config.exec_root, [](const std::string& text) { log_warn(text); });
  for (const auto& [name, limit] : config.default_ulimits)
    facts.default_limits.push_back({.name = name,
                                    .soft = static_cast<uint64_t>(limit.soft),
                                    .hard = static_cast<uint64_t>(limit.hard),
                                    .is_default = true});
  return facts;
}

LauncherOptions launcher_options(const Config& config) {
  LauncherOptions options;
  options.data_root = config.data_root;
  options.exec_root = config.exec_root;
  options.monitor_path = config.monitor_path;
  options.cgroup_parent = cgroup_parent(config);
  options.facts = host_facts(config);
  options.log_options = config.log_options;
  options.shm_size = static_cast<int64_t>(parse_log_size(config.default_shm_size));
  options.ipc_mode = config.default_ipc_mode;
  options.cgroupns_mode = config.default_cgroupns_mode;
  options.dns = config.dns;
  options.dns_options = config.dns_options;
  options.dns_search = config.dns_search;
  options.userns_remap = config.userns_remap;
  return options;
}

}  // namespace

std::string default_seccomp_profile(const Config& config) {
  const std::string& path = config.seccomp_profile;
  if (path == "builtin" || path == "unconfined") return "";
  std::optional<std::string> text = sys::find_file(path, max_seccomp_profile_bytes);
  try {
    if (!text) throw sys::Error(sys::ErrorKind::invalid_argument, "no such file");
    (void)runtime::parse_profile(*text, runtime::native_seccomp_context(0));
  } catch (const sys::Error& error) {
    throw sys::Error(error.kind(), fmt::format("seccomp profile '{}': {}", path, error.what()));
  }
  return *text;
}

std::string cgroup_parent(const Config& config) {
  if (!config.cgroup_parent.empty())
    return config.cgroup_parent[0] == '/' ? config.cgroup_parent : "/" + config.cgroup_parent;
  if (config.exec_root == default_exec_root) return "/ctr";
  return "/ctr-" + image::Sha256::of(config.exec_root).hex().substr(0, 12);
}

ContainerEngine::ContainerEngine(const Config& config, Services services)
    : snapshotter_(services.layers, config.data_root + "/containers/trash"),
      containers_(launcher_options(config), {.database = services.database,
                                             .images = services.images,
                                             .snapshotter = snapshotter_,
                                             .networks = services.networks,
                                             .events = services.events}),
      execs_(containers_) {
  health_checks_.emplace(containers_, execs_);
  name_server_.emplace(
      [this, resolvers = config.dns](const std::string& id, const dns::Query& query) {
        return look_up_name(containers_, id, query, resolvers);
      });
  containers_.set_run_handlers(
      {.started = [this](const std::string& id) { begin_run(id); },
       .ended = [this](const std::string& id) { name_server_->remove(id); }});
  containers_.recover();
  for (const ContainerSnapshot& container : containers_.list()) begin_run(container.record.id);
}

void ContainerEngine::begin_run(const std::string& container_id) {
  health_checks_->begin(container_id);
  lend_names(container_id);
}

namespace {

// nullptr: it does not run.
std::shared_ptr<MonitorClient> current_monitor(Container& container) {
  std::lock_guard lock(container.mutex);
  return container.live.state.alive() ? container.monitor : nullptr;
}

}  // namespace

// A container without names goes on: its monitor may be older than we are. It may end, and even start
// again, at any moment: sockets of a run that is over would keep its network alive.
void ContainerEngine::lend_names(const std::string& container_id) {
  std::shared_ptr<Container> container = containers_.find_by_id(container_id);
  if (!container) return;
  Networks& networks = containers_.networks();
  while (std::shared_ptr<MonitorClient> monitor = current_monitor(*container)) {
    if (!networks.has_names(networks.endpoints_of(container_id))) return;
    try {
      auto [udp, tcp] = monitor->name_sockets();
      name_server_->add(container_id, std::move(udp), std::move(tcp));
    } catch (const sys::Error& error) {
      if (current_monitor(*container) != monitor) continue;
      return log_warn("container has no name server",
                      {{"id", container_id}, {"error", error.what()}});
    }
    if (current_monitor(*container) == monitor) return;
  }
  name_server_->remove(container_id);
}

ContainerEngine::~ContainerEngine() {
  health_checks_->stop();
  name_server_->stop();
  containers_.stop();  // before the execs, which its threads call
}

void ContainerEngine::add_routes(Router& router) {
  add_container_routes(router, containers_, execs_);
  add_container_stream_routes(router, containers_);
  add_container_archive_routes(router, containers_);
  add_container_process_routes(router, containers_);
  add_exec_routes(router, execs_);
  add_volume_routes(router, containers_);
}

ContainerEngine::Counts ContainerEngine::count() const {
  Counts counts;
  for (const ContainerSnapshot& container : containers_.list()) {
    Status status = container.live.state.status;
    ++(status == Status::paused    ? counts.paused
       : status == Status::running ? counts.running
                                   : counts.stopped);
  }
  return counts;
}

json ContainerEngine::usage_json() {
  json list = json::array();
  for (const ContainerSnapshot& container : containers_.list()) {
    ListInput input{.container = container,
                    .endpoints = {},
                    .network_ids = {},
                    .image_name = container.record.config.image,
                    .with_size = true,
                    .size_rw = tree_size(containers_.launcher().snapshot(container.record).upper),
                    .size_root = 0,
                    .now = sys::now()};
    auto image = containers_.images().find_by_id(image::Digest::parse(container.record.image_id));
    input.size_root = input.size_rw + (image ? image->size : 0);
    if (container.live.state.alive())
      input.endpoints = containers_.networks().endpoints_of(container.record.id);
    list.push_back(list_json(input));
  }
  return list;
}

}  // namespace ctr::daemon
