#include "daemon/container_links.h"
#include "daemon/containers.h"

#include <unistd.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "daemon/api/container_schema.h"
#include "daemon/api/json.h"
#include "daemon/container_mounts.h"
#include "daemon/container_names.h"
#include "daemon/default_isolation.h"
#include "daemon/log_options.h"
#include "daemon/logging.h"
#include "image/image_config.h"
#include "image/platform.h"
#include "runtime/sys/error.h"
#include "runtime/sys/file.h"

namespace ctr::daemon {

namespace {

using nlohmann::json;

std::string host_name() {
  char name[HOST_NAME_MAX + 1] = {};
  sys::check(::gethostname(name, sizeof name - 1), "gethostname");
  return name;
}

void expect_platform(const image::Image& image, const std::string& reference,
                     const std::string& wanted_text) {
  if (wanted_text.empty()) return;
  image::Platform wanted = image::parse_platform(wanted_text);
  image::Platform has = image::normalize_platform({image.os, image.architecture, image.variant});
  if (has.os == wanted.os && has.architecture == wanted.architecture &&
      (wanted.variant.empty() || wanted.variant == has.variant))
    return;
  throw sys::Error(
      sys::ErrorKind::not_found,
      fmt::format("No such image: {} for platform {}: image with reference {} was found but its "
                  "platform ({}) does not match the specified platform ({})",
                  reference, platform_text(wanted), reference, platform_text(has),
                  platform_text(wanted)));
}

// A label of SELinux that Docker gives to who sees the host's processes anyway.
void add_security_label(json& host) {
  const bool sees_host = host["Privileged"] == true || host["PidMode"] == "host" || host["IpcMode"] == "host";
  if (!sees_host) return;
  json options = host["SecurityOpt"].is_null() ? json::array() : host["SecurityOpt"];
  for (const json& option : options)
    if (option.get_ref<const std::string&>().starts_with("label")) return;
  options.push_back("label=disable");
  host["SecurityOpt"] = options;
}

// What Docker fills in, so that inspect tells what is really done.
void complete_host_config(json& host, const LauncherOptions& options) {
  auto fill = [&](const char* key, const std::string& value) {
    if (host[key].get<std::string>().empty()) host[key] = value;
  };
  if (host["NetworkMode"] == "default") host["NetworkMode"] = "bridge";
  fill("NetworkMode", "bridge");
  fill("IpcMode", options.ipc_mode);
  fill("CgroupnsMode", options.cgroupns_mode);
  fill("Runtime", "ctr");
  if (host["RestartPolicy"]["Name"].get<std::string>().empty())
    host["RestartPolicy"]["Name"] = "no";
  if (host["LogConfig"]["Type"].get<std::string>().empty()) host["LogConfig"]["Type"] = "json-file";
  if (host["ShmSize"] == 0) host["ShmSize"] = options.shm_size;
  add_security_label(host);
  if (host["Privileged"].get<bool>()) return;
  if (host["MaskedPaths"].is_null())
    host["MaskedPaths"] = default_masked_paths(options.facts.possible_cpus);
  if (host["ReadonlyPaths"].is_null()) host["ReadonlyPaths"] = default_readonly_paths();
}

// `--entrypoint ""` arrives as [""]: no entrypoint, and not the image's command either.
void complete_config(json& config, const image::ImageRunConfig& image) {
  merge_image_config(config, image);
  config["OnBuild"] = nullptr;
  if (config["Entrypoint"] == json::array({""})) config["Entrypoint"] = nullptr;
}

void set_hostname(ContainerRecord& record, json& config, const std::string& inherited) {
  if (!record.config.hostname.empty()) return;
  bool shares_host = record.host.network_mode == "host" || record.host.uts_mode == "host";
  record.managed_hostname = !shares_host;
  record.config.hostname = !inherited.empty() ? inherited
                           : shares_host      ? host_name()
                                              : short_id(record.id);
  config["Hostname"] = record.config.hostname;
}

// What memory and swap may be together where only memory is limited, as in Docker.
int64_t default_swap_limit(int64_t memory) {
  return memory * 2;
}

bool is_wish(const json& change) {
  if (change.is_object() && change.contains("Name")) return change["Name"] != "";
  return change != 0 && change != "" && !change.empty();
}

// A default limit of swap goes with the limit of memory that it was made from.
void follow_memory(json& host, const json& changes, const ResourceRequest& before) {
  auto wish = [&](const char* key) { return changes.contains(key) && is_wish(changes[key]); };
  if (wish("Memory") && !wish("MemorySwap") &&
      (before.memory_swap == 0 || before.memory_swap == default_swap_limit(before.memory)))
    host["MemorySwap"] = default_swap_limit(host["Memory"].get<int64_t>());
}

std::string describe_image(const ContainerRecord& record) {
  return record.config.image.empty() ? record.image_id : record.config.image;
}

}  // namespace

Containers::Containers(LauncherOptions options, Services services)
    : services_(services),
      launcher_(std::move(options), services.snapshotter, services.networks),
      volumes_(services.database, services.events, launcher_.options().data_root + "/volumes"),
      table_(services.database),
      machine_(read_machine_limits(
          launcher_.cgroup_layout().swap_accounting,
          launcher_.cgroup_layout().mode() != runtime::CgroupMode::v2)),
      recorder_("recorder"),
      reaper_("reaper") {
  restarts_ = std::make_unique<Restarts>([this](const std::string& id) { take_up(id); });
  monitors_ = std::make_unique<Monitors>(Monitors::Handlers{
      .event = [this](const std::string& id, const MonitorEvent& event) { on_event(id, event); },
      .gone = [this](const std::string& id, const MonitorClient* client) { on_gone(id, client); }});
}

Containers::~Containers() {
  stop();
}

void Containers::stop() {
  // Their jobs post to each other: the sources of work end first.
  monitors_.reset();
  restarts_.reset();
  reaper_.wait_until_done();
  recorder_.wait_until_done();
}

std::shared_ptr<Container> Containers::get(const std::string& reference) const {
  return index_.get(reference);
}

ContainerSnapshot Containers::snapshot(const std::string& reference) const {
  std::shared_ptr<Container> container = index_.get(reference);
  std::lock_guard lock(container->mutex);
  return {container->record, container->live};
}

std::vector<ContainerSnapshot> Containers::list() const {
  std::vector<ContainerSnapshot> snapshots;
  for (const std::shared_ptr<Container>& container : index_.list()) {
    std::lock_guard lock(container->mutex);
    snapshots.push_back({container->record, container->live});
  }
  return snapshots;
}

image::ImageUsers Containers::image_users() const {
  image::ImageUsers users;
  users.uses_of = [this](const image::Digest& image) {
    std::vector<image::ImageUse> uses;
    // Asked for each image of a list: the records are looked at, not copied.
    for (const std::shared_ptr<Container>& container : index_.list()) {
      std::lock_guard lock(container->mutex);
      if (container->record.image_id == image.text())
        uses.push_back({container->id, container->live.state.running()});
    }
    return uses;
  };
  users.layers_in_use = [this] {
    std::vector<image::Digest> layers;
    for (const std::shared_ptr<Container>& container : index_.list()) {
      std::lock_guard lock(container->mutex);
      for (const std::string& layer : container->record.diff_ids)
        layers.push_back(image::Digest::parse(layer));
    }
    return layers;
  };
  return users;
}

void Containers::publish(const ContainerRecord& record, const std::string& action,
                         std::map<std::string, std::string> attributes) {
  attributes.insert(record.config.labels.begin(), record.config.labels.end());
  attributes["image"] = describe_image(record);
  attributes["name"] = record.name;
  services_.events.publish({.type = "container",
                            .action = action,
                            .id = record.id,
                            .attributes = std::move(attributes)});
}

void Containers::save(Container& container) {
  std::lock_guard saving(container.saving);
  LiveRecord live;
  {
    std::lock_guard lock(container.mutex);
    if (container.removed) return;
    live = container.live;
  }
  table_.update_live(container.id, live);
}

void Containers::save_soon(std::shared_ptr<Container> container) {
  recorder_.post([this, container = std::move(container)] { save(*container); });
}

namespace {

constexpr std::string_view container_mode = "container:";

}  // namespace

// Whose namespace "container:X" means: its full id. Empty for other modes.
std::string Containers::expect_joinable(const std::string& mode) const {
  if (!mode.starts_with(container_mode)) return "";
  return index_.get(mode.substr(container_mode.size()))->id;
}

// Empty, too, where there is no such container.
std::string Containers::find_joinable(const std::string& mode) const {
  if (!mode.starts_with(container_mode)) return "";
  std::shared_ptr<Container> container = index_.find(mode.substr(container_mode.size()));
  return container ? container->id : "";
}

// For a container that is named by a request about another one: to clients, "not found" is about that.
void Containers::expect_container(const std::string& reference) const {
  if (!index_.find(reference))
    throw sys::Error(sys::ErrorKind::invalid_argument,
                     fmt::format("No such container: {}", reference.substr(0, 300)));
}

ContainerRecord Containers::plan(const json& body, const std::string& id,
                                 const std::string& platform, std::vector<std::string>& warnings) {
  json config = api::normalise_config(body);
  JsonObject fields(body);
  auto part = [&](const char* name) {
    const json* found = fields.find(name);
    return found != nullptr ? *found : json(nullptr);
  };
  json host = api::normalise_host_config(part("HostConfig"));
  json networking = api::normalise_networking_config(part("NetworkingConfig"));

  ContainerRecord record;
  record.id = id;
  std::string reference = config["Image"].get<std::string>();
  if (reference.empty())
    throw sys::Error(sys::ErrorKind::invalid_argument, "no image was given to make a container of");
  image::Image image = services_.images.get(reference);
  expect_platform(image, reference, platform);
  image::ImageConfig image_config = image::parse_image_config(image.config_json);
  image::expect_runnable_system(image_config);
  complete_config(config, image_config.config);
  if (config.value("NetworkDisabled", false)) host["NetworkMode"] = "none";
  complete_host_config(host, launcher_.options());
  record.image_id = image.id.text();
  for (const image::Digest& layer : image.diff_ids) record.diff_ids.push_back(layer.text());
  record.platform = "linux";
  record.architecture = image.architecture;

  record.config = read_config(config);
  record.host = read_host_config(host);
  check_config(record.config);
  validate_health_check(config);
  check_host_config(record.config, record.host);
  check_user_namespace(record.host, launcher_.user_ranges().by_default());
  warnings = check_limits(record.host.resources, machine_);
  if (record.host.resources.memory > 0 && record.host.resources.memory_swap == 0)
    record.host.resources.memory_swap = default_swap_limit(record.host.resources.memory);
  host["MemorySwap"] = record.host.resources.memory_swap;
  // The choice exists on cgroup v1 only.
  if (host["OomKillDisable"].is_null() && machine_.oom_kill_disable) host["OomKillDisable"] = false;
  // Docker's ways to say that nothing is asked for, which it does not show.
  if (host["PidsLimit"] == 0) host["PidsLimit"] = nullptr;
  if (host["MemorySwappiness"] == -1) host["MemorySwappiness"] = nullptr;
  plan_log(record.config, record.host, {}, "");
  parse_security_options(record.host, launcher_.options().facts);
  plan_container_capabilities(record.host, launcher_.options().facts);
  plan_ports(host, record.config.exposed_ports);
  if (record.host.publishes_ports && record.host.network_mode == "host")
    warnings.push_back("Published ports are discarded when using host network mode");

  // Names of other containers become ids: they may be renamed before the start. A network that is not there,
  // or is another container's that is not there, is missed at the start, as in Docker. A creation is never
  // answered with "not found" for them: to clients, that is the image, and they would pull it.
  std::string inherited_hostname;
  for (const char* key : {"NetworkMode", "IpcMode", "PidMode"}) {
    const std::string mode = host[key].get<std::string>();
    const std::string other = find_joinable(mode);
    if (other.empty() && mode.starts_with(container_mode) && std::string_view(key) != "NetworkMode")
      expect_container(mode.substr(container_mode.size()));
    if (other.empty()) continue;
    host[key] = "container:" + other;
    if (std::string_view(key) == "NetworkMode")
      inherited_hostname = snapshot(other).record.config.hostname;
  }
  record.host.network_mode = host["NetworkMode"].get<std::string>();
  record.host.ipc_mode = host["IpcMode"].get<std::string>();
  record.host.pid_mode = host["PidMode"].get<std::string>();
  for (const std::string& link : record.host.links) expect_container(parse_link(link).target);
  set_hostname(record, config, inherited_hostname);

  std::vector<std::string> command = record.config.entrypoint;
  command.insert(command.end(), record.config.cmd.begin(), record.config.cmd.end());
  record.path = command[0];
  record.args.assign(command.begin() + 1, command.end());
  record.mounts = plan_mount_points(
      {.config = record.config, .host = record.host, .mounts_of = [this](const std::string& name) {
         expect_container(name);
         return snapshot(name).record.mounts;
       }});
  record.config_json = dump_json(config);
  record.host_config_json = dump_json(host);
  record.networking_json = dump_json(networking);
  return record;
}

std::string Containers::choose_name(const std::string& wanted, const std::string& id) {
  if (!wanted.empty()) {
    std::string name = parse_container_name(wanted);
    index_.reserve_name(name, id);
    return name;
  }
  for (unsigned attempt = 0; attempt < 20; ++attempt) {
    uint64_t random = std::stoull(sys::random_hex(8), nullptr, 16);
    std::string name = two_word_name(random, attempt);
    if (index_.try_reserve_name(name, id)) return name;
  }
  index_.reserve_name(short_id(id), id);
  return short_id(id);
}

Containers::Created Containers::create(const json& body, const std::string& name,
                                       const std::string& platform) {
  if (!name.empty()) parse_container_name(name);
  Created created{.id = sys::random_hex(32), .warnings = {}};
  // The layers are kept from before we look for the image until the record says that they are used.
  image::Lease lease = services_.images.open_lease();
  ContainerRecord record = plan(body, created.id, platform, created.warnings);
  for (const std::string& layer : record.diff_ids) lease.keep(image::Digest::parse(layer));
  services_.images.get(record.image_id);
  record.created = sys::now();
  record.name = choose_name(name, record.id);
  try {
    // Until the record is known, nobody sees that the volumes are used.
    std::vector<Volumes::Hold> holds = make_mounts(record);
    launcher_.make_directory(record);
    fill_volumes(record);
    table_.insert(record, {});
    index_.add(std::make_shared<Container>(record));
  } catch (...) {
    // A directory without a record is nobody's: the next start of the daemon removes it if this
    // fails.
    index_.release_name(record.name, record.id);
    launcher_.remove_directory(record.id);
    throw;
  }
  publish(record, "create");
  return created;
}

void Containers::rename(const std::string& reference, const std::string& new_name) {
  std::shared_ptr<Container> container = index_.get(reference);
  if (new_name.empty())
    throw sys::Error(sys::ErrorKind::invalid_argument, "Neither old nor new names may be empty");
  std::string name = parse_container_name(new_name);
  Operation operation(*this, container);
  ContainerRecord record;
  {
    std::lock_guard lock(container->mutex);
    record = container->record;
    if (container->removed)
      throw sys::Error(sys::ErrorKind::not_found, fmt::format("No such container: {}", reference));
  }
  if (record.name == name)
    throw sys::Error(sys::ErrorKind::invalid_argument,
                     "Renaming a container with the same name as its current name");
  index_.reserve_name(name, record.id);
  std::string old_name = std::exchange(record.name, name);
  try {
    table_.update_record(record);
  } catch (...) {
    index_.release_name(name, record.id);
    throw;
  }
  {
    std::lock_guard lock(container->mutex);
    container->record.name = name;
  }
  index_.release_name(old_name, record.id);
  publish(record, "rename", {{"oldName", "/" + old_name}});
}

std::vector<std::string> Containers::update(const std::string& reference, const json& body) {
  std::shared_ptr<Container> container = index_.get(reference);
  json changes = api::normalise_update(body);
  Operation operation(*this, container);
  ContainerSnapshot now;
  {
    std::lock_guard lock(container->mutex);
    now = {container->record, container->live};
  }
  json host = json::parse(now.record.host_config_json);
  for (auto change = changes.begin(); change != changes.end(); ++change)
    // Docker's client sends every field: those at zero are not asked for.
    if (is_wish(*change)) host[change.key()] = *change;
  follow_memory(host, changes, now.record.host.resources);
  HostConfig updated = read_host_config(host);
  std::vector<std::string> warnings = check_limits(updated.resources, machine_);
  check_restart_policy(updated.resources.restart_policy, updated.auto_remove);
  if (now.live.state.alive()) {
    runtime::Resources resources =
        plan_resources(updated.resources, updated, launcher_.options().facts);
    resources.devices.clear();  // stay as they were set at the start
    launcher_.open_cgroup(now.record).update(resources);
  }
  now.record.host = updated;
  now.record.host_config_json = dump_json(host);
  table_.update_record(now.record);
  {
    std::lock_guard lock(container->mutex);
    container->record.host = now.record.host;
    container->record.host_config_json = now.record.host_config_json;
  }
  publish(now.record, "update");
  return warnings;
}

}  // namespace ctr::daemon
