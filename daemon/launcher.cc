#include "daemon/launcher.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "daemon/container_checks.h"
#include "daemon/host_devices.h"
#include "daemon/log_options.h"
#include "image/digest.h"
#include "image/platform.h"
#include "runtime/security/capabilities.h"
#include "runtime/spec_json.h"
#include "runtime/sys/error.h"
#include "runtime/sys/file.h"

namespace ctr::daemon {

namespace {

// A start clones, mounts and joins on a machine that may be starved; a hung monitor must still end.
constexpr std::chrono::milliseconds start_patience{60'000};

std::vector<image::Digest> digests(const std::vector<std::string>& texts) {
  std::vector<image::Digest> result;
  for (const std::string& text : texts) result.push_back(image::Digest::parse(text));
  return result;
}

// -v makes a missing source directory, --mount does not.
void settle_bind_source(const MountPoint& mount) {
  if (sys::exists(mount.source)) return;
  if (!mount.create_source)
    throw sys::Error(sys::ErrorKind::invalid_argument,
                     fmt::format("invalid mount config for type \"bind\": bind source path does not "
                                 "exist: {}",
                                 mount.source));
  sys::make_directories(mount.source, 0755);
}

}  // namespace

Launcher::Launcher(LauncherOptions options, image::Snapshotter& snapshotter, Networks& networks)
    : options_(std::move(options)),
      snapshotter_(snapshotter),
      networks_(networks),
      seccomp_(options_.exec_root + "/seccomp"),
      user_ranges_(options_.userns_remap),
      layout_(runtime::detect_layout()),
      spawner_(options_.monitor_path, options_.exec_root) {
  options_.facts.cgroup_v2 = layout_.mode() == runtime::CgroupMode::v2;
  sys::make_directories(options_.data_root + "/containers", 0711);
  sys::make_directories(options_.exec_root + "/containers", 0700);
}

std::string Launcher::directory(const std::string& id) const {
  return options_.data_root + "/containers/" + id;
}

std::string Launcher::exec_directory(const std::string& id) const {
  return options_.exec_root + "/containers/" + id;
}

std::string Launcher::log_path(const std::string& id) const {
  return directory(id) + "/" + id + "-json.log";
}

std::string Launcher::cgroup_path(const ContainerRecord& record) const {
  const std::string& parent = record.host.resources.cgroup_parent;
  std::string path = parent.empty() ? options_.cgroup_parent : parent;
  return (path[0] == '/' ? path : "/" + path) + "/" + record.id;
}

runtime::Cgroup Launcher::open_cgroup(const ContainerRecord& record) const {
  return runtime::Cgroup::open(layout_, cgroup_path(record));
}

image::Snapshot Launcher::snapshot(const ContainerRecord& record) const {
  return snapshotter_.describe(digests(record.diff_ids), directory(record.id));
}

void Launcher::make_directory(const ContainerRecord& record) {
  std::string path = directory(record.id);
  // 0711: a container whose root is another user must be able to reach its own files in here.
  sys::check(::mkdir(path.c_str(), 0711), "mkdir", path);
  image::Snapshot snapshot = snapshotter_.prepare(digests(record.diff_ids), path);
  // By it programs tell that they are in a container.
  sys::open_at(AT_FDCWD, snapshot.upper + "/.dockerenv", O_WRONLY | O_CREAT | O_NOFOLLOW, 0755);
}

void Launcher::remove_directory(const std::string& id) { snapshotter_.remove(directory(id)); }

HostFacts Launcher::facts_for(const ContainerRecord& record) const {
  HostFacts facts = options_.facts;
  if (record.host.privileged) facts.devices = list_host_devices();
  return facts;
}

image::IdRanges Launcher::take_ids(const ContainerRecord& record, const JoinedContainers& joined) {
  // Once more: the daemon's setting may be another than at the container's creation.
  check_user_namespace(record.host, user_ranges_.by_default());
  if (!joined.ids.mapped()) return user_ranges_.take(record.id, record.host.userns_mode);
  user_ranges_.hold(record.id, joined.ids);
  return joined.ids;
}

void Launcher::recall_ids(const ContainerRecord& record) {
  const runtime::ContainerSpec spec =
      runtime::parse_spec(sys::read_file(exec_directory(record.id) + "/config.json"));
  if (spec.uid_mappings.empty() || spec.gid_mappings.empty()) return;
  const auto range = [](const runtime::IdMap& map) { return image::IdRange{map.host_id, map.size}; };
  user_ranges_.hold(record.id, {range(spec.uid_mappings[0]), range(spec.gid_mappings[0])});
}

Placement Launcher::settle(const ContainerRecord& record, const JoinedContainers& joined) {
  Placement placement;
  placement.id = record.id;
  image::Snapshot snapshot =
      snapshotter_.prepare(digests(record.diff_ids), directory(record.id));
  placement.overlay = {.lower = snapshot.lower, .upper = snapshot.upper, .work = snapshot.work};
  placement.ids = take_ids(record, joined);
  placement.joined = joined.namespaces;
  placement.link_environment = joined.link_environment;
  for (const MountPoint& mount : record.mounts) {
    if (mount.type == "tmpfs") continue;  // build_spec() reads these from HostConfig
    if (mount.type == "bind") settle_bind_source(mount);
    placement.mounts.push_back({.source = mount.source,
                                .target = mount.destination,
                                .subpath = mount.subpath,
                                .read_only = !mount.writable,
                                .recursive_read_only = mount.recursive_read_only,
                                .non_recursive = mount.non_recursive,
                                .propagation = mount.propagation,
                                .filesystem = mount.filesystem,
                                .filesystem_options = resolve_server_address(
                                    mount.filesystem, mount.filesystem_options),
                                .idmapped = placement.ids.mapped()});
  }
  std::vector<EndpointSettings> endpoints = attach_networks(record);
  placement.interfaces = plan_interfaces(endpoints);
  placement.name_server = networks_.has_names(endpoints);
  write_network_files(record, placement, endpoints, joined);
  return placement;
}

runtime::ContainerSpec Launcher::make_spec(const ContainerRecord& record,
                                           Placement& placement) {
  HostFacts facts = facts_for(record);
  SecurityOptions security = parse_security_options(record.host, facts);
  if (!security.seccomp_unconfined) {
    bool foreign = record.architecture != image::host_platform().architecture;
    SeccompCache::Filter filter =
        seccomp_.get(security.seccomp_profile, plan_container_capabilities(record.host, facts),
                     foreign);
    placement.seccomp_program = filter.path;
    placement.seccomp_flags = filter.flags;
  }
  runtime::ContainerSpec spec = build_spec(record.config, record.host, placement, facts);
  // Several daemons with roots of their own share the hierarchies: each has a parent of its own.
  spec.cgroup_path = cgroup_path(record);
  return spec;
}

runtime::Process Launcher::exec_process(const ContainerRecord& record,
                                        const ExecConfig& exec) const {
  runtime::ContainerSpec spec =
      runtime::parse_spec(sys::read_file(exec_directory(record.id) + "/config.json"));
  return build_exec_process(spec, exec, options_.facts);
}

runtime::MonitorConfig Launcher::plan_monitor(const ContainerRecord& record,
                                              bool name_server) const {
  return {.id = record.id,
          .log = plan_log(record.config, record.host, options_.log_options, log_path(record.id)),
          .open_stdin = record.config.open_stdin,
          .stdin_once = record.config.stdin_once,
          .detach_keys = "ctrl-p,ctrl-q",
          .name_server = name_server};
}

Launcher::Assigned Launcher::assign_monitor(const ContainerRecord& record, Placement& placement) {
  const std::string directory = exec_directory(record.id);
  const std::string config = runtime::to_json(plan_monitor(record, placement.name_server));
  const std::string spec = runtime::to_json(make_spec(record, placement));
  auto assign = [&](IdleMonitor idle) -> Assigned {
    try {
      auto client = std::make_shared<MonitorClient>(std::move(idle.socket));
      client->send_begin(spawner_.program(), directory, config, spec);
      return {std::move(client), std::move(idle.process)};
    } catch (...) {
      idle.process.signal(SIGKILL);
      idle.process.wait();
      throw;
    }
  };
  if (std::optional<IdleMonitor> spare = spawner_.take_spare()) {
    try {
      return assign(std::move(*spare));
    } catch (const sys::Error& error) {
      // Somebody killed it while it waited: any other will do.
      if (error.error_number() != EPIPE && error.error_number() != ECONNRESET) throw;
    }
  }
  return assign(spawner_.spawn());
}

Launcher::Launched Launcher::launch(
    const ContainerRecord& record, const JoinedContainers& joined,
    const std::function<std::vector<ParkedAttach>(const std::shared_ptr<MonitorClient>&)>&
        take_parked) {
  std::string path = exec_directory(record.id);
  sys::check(::mkdir(path.c_str(), 0700), "mkdir", path);
  Placement placement = settle(record, joined);
  Assigned assigned = assign_monitor(record, placement);
  std::shared_ptr<MonitorClient>& client = assigned.client;
  try {
    for (const ParkedAttach& parked : take_parked(client))
      client->send_attach(parked.socket, parked.options);
    client->send_start();
    MonitorClient::Started started = client->wait_until_started(start_patience);
    spawner_.provide_spare_soon();
    return {std::move(client), std::move(assigned.monitor), started};
  } catch (...) {
    spawner_.provide_spare_soon();
    // Whatever it was in the middle of: it is not to go on without us.
    client->fail_requests();
    assigned.monitor.signal(SIGKILL);
    assigned.monitor.wait();
    throw;
  }
}

bool Launcher::signal(const ContainerRecord& record, int pid, int number) const {
  const std::optional<uint64_t> start_time = sys::find_start_time(pid);
  const std::optional<sys::Process> process =
      start_time ? sys::Process::find(pid, *start_time) : std::nullopt;
  const std::optional<runtime::Cgroup> cgroup = runtime::Cgroup::find(layout_, cgroup_path(record));
  if (!process || !cgroup) return false;
  // Held first, then looked for: a process that took over the number is not in there.
  const std::vector<pid_t> pids = cgroup->pids();
  return std::find(pids.begin(), pids.end(), pid) != pids.end() && process->signal(number);
}

void Launcher::kill_all(const ContainerRecord& record) const {
  if (auto cgroup = runtime::Cgroup::find(layout_, cgroup_path(record))) cgroup->kill_all();
}

void Launcher::clean_up(const ContainerRecord& record) {
  networks_.release(record.id);
  if (auto cgroup = runtime::Cgroup::find(layout_, cgroup_path(record))) {
    cgroup->kill_all();
    cgroup->remove();
  }
  user_ranges_.give_back(record.id);
  sys::remove_tree(exec_directory(record.id));
}

}  // namespace ctr::daemon
