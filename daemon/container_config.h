// What a container was asked to be: the parts of Docker's Config and HostConfig that the daemon
// acts on, read from their normalised JSON (api/container_schema.h). The JSON itself is kept beside
// it and echoed by inspect. Pure values; runs in: ctrd.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "daemon/health.h"
#include "image/image_config.h"

namespace ctr::daemon {

struct ContainerConfig {
  std::string hostname;
  std::string domainname;
  std::string user;
  bool tty = false;
  bool open_stdin = false;
  bool stdin_once = false;
  std::vector<std::string> env;
  std::vector<std::string> cmd;
  std::vector<std::string> entrypoint;
  std::string image;
  std::vector<std::string> volumes;
  std::vector<std::string> exposed_ports;
  std::string working_dir;
  bool network_disabled = false;
  std::string mac_address;
  std::map<std::string, std::string> labels;
  std::string stop_signal;
  std::optional<int64_t> stop_timeout;  // seconds; -1: wait for ever
  std::optional<HealthCheck> health_check;
};

struct MountRequest {
  std::string type;  // "bind", "volume", "tmpfs", "image" …
  std::string source;
  std::string target;
  bool read_only = false;
  std::string propagation;
  bool non_recursive = false;
  bool create_mountpoint = false;
  bool read_only_non_recursive = false;
  bool read_only_force_recursive = false;
  bool no_copy = false;
  std::string subpath;
  std::string volume_driver;
  std::map<std::string, std::string> volume_labels;
  std::map<std::string, std::string> volume_options;  // of its driver
  int64_t tmpfs_size = 0;
  int64_t tmpfs_mode = 0;
};

struct DeviceRequest {
  std::string path_on_host;
  std::string path_in_container;
  std::string permissions;
};

struct UlimitRequest {
  std::string name;
  int64_t soft = 0;
  int64_t hard = 0;
};

struct ThrottleRequest {
  std::string path;
  int64_t rate = 0;
};

struct RestartPolicy {
  std::string name = "no";
  int64_t maximum_retries = 0;
};

// The limits of Docker's Resources; 0, empty or nullopt: not asked for.
struct ResourceRequest {
  int64_t memory = 0;
  int64_t memory_reservation = 0;
  int64_t memory_swap = 0;
  std::optional<int64_t> memory_swappiness;
  std::optional<bool> oom_kill_disable;
  int64_t nano_cpus = 0;
  int64_t cpu_shares = 0;
  int64_t cpu_period = 0;
  int64_t cpu_quota = 0;
  int64_t cpu_realtime_period = 0;
  int64_t cpu_realtime_runtime = 0;
  std::string cpuset_cpus;
  std::string cpuset_mems;
  std::optional<int64_t> pids_limit;
  int64_t blkio_weight = 0;
  std::vector<ThrottleRequest> blkio_weight_devices;
  std::vector<ThrottleRequest> read_bps, write_bps, read_iops, write_iops;
  std::vector<DeviceRequest> devices;
  std::vector<std::string> device_cgroup_rules;
  bool wants_device_requests = false;  // --gpus
  std::vector<UlimitRequest> ulimits;
  std::string cgroup_parent;
  RestartPolicy restart_policy;
};

struct HostConfig {
  ResourceRequest resources;
  std::vector<std::string> binds;
  std::vector<MountRequest> mounts;
  std::vector<std::pair<std::string, std::string>> tmpfs;  // destination, options
  std::vector<std::string> volumes_from;
  std::string volume_driver;
  std::string log_type;
  std::map<std::string, std::string> log_options;
  std::string network_mode;
  bool publishes_ports = false;
  bool auto_remove = false;
  std::pair<int64_t, int64_t> console_size{0, 0};  // rows, columns
  std::vector<std::string> cap_add, cap_drop;
  std::string cgroupns_mode, ipc_mode, pid_mode, uts_mode, userns_mode;
  std::vector<std::string> dns, dns_options, dns_search, extra_hosts;
  std::vector<std::string> group_add;
  std::vector<std::string> links;
  int64_t oom_score_adj = 0;
  bool privileged = false;
  bool readonly_rootfs = false;
  std::vector<std::string> security_opt;
  int64_t shm_size = 0;
  std::map<std::string, std::string> sysctls;
  std::map<std::string, std::string> storage_opt;
  std::string runtime, isolation;
  std::optional<std::vector<std::string>> masked_paths, readonly_paths;
  std::optional<bool> init;
};

// From normalised JSON: never throws for what container_schema let through.
ContainerConfig read_config(const nlohmann::json& config);
HostConfig read_host_config(const nlohmann::json& host_config);
ResourceRequest read_resources(const nlohmann::json& host_config);

// Docker's rules for what an image's configuration adds to the request; `config` is normalised
// JSON. Entrypoint null takes the image's and its Cmd; a given one, even [], drops the image's Cmd.
void merge_image_config(nlohmann::json& config, const image::ImageRunConfig& image);

}  // namespace ctr::daemon
