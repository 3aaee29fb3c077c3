// From a container's record to its running monitor: settles what a start needs (address, files,
// filter, specification), tells it a ctr-monitor and waits for its word. And the way back: what a run leaves is taken away again.
// Owned by Containers. Runs in: ctrd, on the thread that starts or cleans up. Thread-safe.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "daemon/container.h"
#include "daemon/monitor_spawner.h"
#include "daemon/networks/network_files.h"
#include "daemon/networks/networks.h"
#include "daemon/seccomp_cache.h"
#include "daemon/spec_builder.h"
#include "daemon/user_ranges.h"
#include "daemon/volumes.h"
#include "image/snapshotter.h"
#include "runtime/cgroup/cgroup.h"

namespace ctr::daemon {

struct LauncherOptions {
  std::string data_root;
  std::string exec_root;
  std::string monitor_path;
  std::string cgroup_parent;  // "/ctr": below it one cgroup for each container
  HostFacts facts;
  std::map<std::string, std::string> log_options;
  int64_t shm_size = 64 << 20;
  std::string ipc_mode = "private", cgroupns_mode = "private";  // of containers that do not say
  std::vector<std::string> dns, dns_options, dns_search;
  std::string userns_remap;  // see UserRanges
};

// What another container gives to one that joins its namespaces.
struct JoinedContainers {
  std::map<runtime::NamespaceKind, std::string> namespaces;
  image::IdRanges ids;     // of their user namespace, which it joins as well
  std::string network_id;  // of the container whose network is shared: its files are used too
  // The containers that it is linked to on the default bridge.
  std::vector<LinkedHost> linked_hosts;
  std::vector<std::string> link_environment;
};

class Launcher {
 public:
  Launcher(LauncherOptions options, image::Snapshotter& snapshotter, Networks& networks);

  struct Launched {
    std::shared_ptr<MonitorClient> client;
    sys::Process monitor;
    MonitorClient::Started started;
  };
  // `take_parked` is asked right before the start for the clients that wait for it. Throws
  // StartFailure, or the Error of what could not be made; then nothing is left but what clean_up
  // takes away.
  Launched launch(const ContainerRecord& record, const JoinedContainers& joined,
                  const std::function<std::vector<ParkedAttach>(const std::shared_ptr<MonitorClient>&)>&
                      take_parked);

  // The first start shall be as quick as the others. Not before the recovery, which looks at the
  // monitors that are there.
  void expect_starts() { spawner_.provide_spare_soon(); }

  // Of a container that runs on from the last daemon's time: its ids are taken.
  void recall_ids(const ContainerRecord& record);

  // What a run leaves: cgroup (and what still runs in it), addresses, ids, the exec root's directory.
  // Nothing there is success.
  void clean_up(const ContainerRecord& record);
  // To the container's first process, past its monitor; false if it is gone.
  bool signal(const ContainerRecord& record, int pid, int number) const;
  // SIGKILL to all that is in the container's cgroup.
  void kill_all(const ContainerRecord& record) const;

  // A container that runs has come to a network with names: it asks our name server from now on.
  void use_name_server(const ContainerRecord& record) const;

  // The container's own directory, made at its creation.
  void make_directory(const ContainerRecord& record);
  void remove_directory(const std::string& id);

  std::string directory(const std::string& id) const;       // below the data root
  std::string exec_directory(const std::string& id) const;  // below the exec root
  std::string log_path(const std::string& id) const;
  std::string cgroup_path(const ContainerRecord& record) const;
  runtime::Cgroup open_cgroup(const ContainerRecord& record) const;
  image::Snapshot snapshot(const ContainerRecord& record) const;
  runtime::Process exec_process(const ContainerRecord& record, const ExecConfig& exec) const;

  const LauncherOptions& options() const { return options_; }
  const runtime::CgroupLayout& cgroup_layout() const { return layout_; }
  const UserRanges& user_ranges() const { return user_ranges_; }

 private:
  std::vector<EndpointSettings> attach_networks(const ContainerRecord& record);
  void write_network_files(const ContainerRecord& record, Placement& placement,
                           const std::vector<EndpointSettings>& endpoints,
                           const JoinedContainers& joined);
  std::string resolv_conf_for(const ContainerRecord& record, bool name_server) const;
  image::IdRanges take_ids(const ContainerRecord& record, const JoinedContainers& joined);
  Placement settle(const ContainerRecord& record, const JoinedContainers& joined);
  HostFacts facts_for(const ContainerRecord& record) const;
  runtime::ContainerSpec make_spec(const ContainerRecord& record, Placement& placement);
  runtime::MonitorConfig plan_monitor(const ContainerRecord& record, bool name_server) const;
  struct Assigned {
    std::shared_ptr<MonitorClient> client;
    sys::Process monitor;
  };
  Assigned assign_monitor(const ContainerRecord& record, Placement& placement);

  LauncherOptions options_;
  image::Snapshotter& snapshotter_;
  Networks& networks_;
  SeccompCache seccomp_;
  UserRanges user_ranges_;
  runtime::CgroupLayout layout_;
  MonitorSpawner spawner_;
};

// What a container asks of networks at its start: its mode's first. Pure.
std::vector<AttachRequest> plan_attachments(const ContainerRecord& record);
// What it publishes (-p, -P). Pure.
std::vector<PortRequest> plan_published_ports(const ContainerRecord& record);
// What it asks of one of them; `endpoint` is Docker's EndpointSettings, normalised. Pure.
AttachRequest attach_request(const ContainerRecord& record, const std::string& network,
                             const nlohmann::json& endpoint);
// A member of a record's networking: its mode's network was disconnected from it.
inline constexpr const char* left_mode_key = "LeftNetworkMode";

}  // namespace ctr::daemon
