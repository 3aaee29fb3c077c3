// The options that `run` and `create` share: all of Docker's, as the user wrote them. What they
// mean is decided in create_request.h.
#pragma once

#include <CLI/App.hpp>

#include <optional>
#include <string>
#include <vector>

namespace ctr::cli {

using Texts = std::vector<std::string>;

struct ContainerOptions {
  // the container and its process
  std::string name, platform, pull = "missing", cidfile;
  bool quiet = false;
  bool interactive = false, tty = false, remove = false, read_only = false;
  bool privileged = false;
  std::optional<bool> init;  // not given: the daemon decides
  Texts attach;
  std::string workdir, user, hostname, domainname, stop_signal, restart, runtime;
  std::optional<std::string> entrypoint;
  std::optional<int> stop_timeout;
  Texts env, env_files, labels, label_files, annotations, group_add;

  // files
  Texts volumes, mounts, tmpfs, volumes_from, devices, device_cgroup_rules, storage_opts;
  std::string volume_driver;

  // resources
  std::string memory, memory_swap, memory_reservation, shm_size, cpus, cpuset_cpus, cpuset_mems;
  std::string cgroup_parent;
  std::optional<int64_t> cpu_shares, cpu_period, cpu_quota, cpu_rt_period, cpu_rt_runtime;
  std::optional<int64_t> memory_swappiness, pids_limit, blkio_weight, oom_score_adj;
  bool oom_kill_disable = false;
  Texts ulimits, blkio_weight_devices, read_bps, write_bps, read_iops, write_iops;

  // network
  Texts networks, network_aliases, link_local_ips, links, publish, expose, dns, dns_options;
  Texts dns_search, add_hosts;
  std::string ip, ip6, mac_address;
  bool publish_all = false;

  // security and namespaces
  Texts cap_add, cap_drop, security_opts, sysctls;
  std::string pid, ipc, uts, userns, cgroupns, isolation;

  // logs and health
  std::string log_driver;
  Texts log_opts;
  std::optional<std::string> health_cmd;
  std::string health_interval, health_timeout, health_start_period, health_start_interval;
  std::optional<int64_t> health_retries;
  bool no_healthcheck = false;

  // what ctr refuses or ignores
  std::string gpus;
  bool use_api_socket = false;
  bool disable_content_trust = true;
  std::optional<std::string> windows_cpu_count, windows_cpu_percent, windows_bandwidth,
      windows_iops;
};

void declare_container_options(CLI::App* command, ContainerOptions& options);
// What `update` takes of them.
void declare_update_options(CLI::App* command, ContainerOptions& options);

}  // namespace ctr::cli
