#include "cli/container_options.h"

namespace ctr::cli {

namespace {

// Declares options under one heading of the help.
class Section {
 public:
  Section(CLI::App* command, std::string heading)
      : command_(command), heading_(std::move(heading)) {}

  template <class Value>
  Section& option(const char* names, Value& value, const char* type, const char* text) {
    command_->add_option(names, value, text)->option_text(type)->group(heading_);
    return *this;
  }
  Section& flag(const char* names, std::optional<bool>& value, const char* text) {
    command_->add_flag_function(names, [&value](int64_t given) { value = given > 0; }, text)
        ->group(heading_);
    return *this;
  }
  Section& flag(const char* names, bool& value, const char* text) {
    command_->add_flag(names, value, text)->group(heading_);
    return *this;
  }

 private:
  CLI::App* command_;
  std::string heading_;
};

void declare_process(CLI::App* command, ContainerOptions& o) {
  Section(command, "Options")
      .option("--name", o.name, "NAME", "Name of the container; else it gets one of two words")
      .flag("-i,--interactive", o.interactive, "Pass on standard input, and keep it open")
      .flag("-t,--tty", o.tty, "Give the container a terminal")
      .flag("--rm", o.remove, "Delete the container when it has ended")
      .option("-e,--env", o.env, "NAME=VALUE", "Set an environment variable")
      .option("--env-file", o.env_files, "FILE", "Read environment variables from a file")
      .option("-w,--workdir", o.workdir, "DIRECTORY", "Directory to start in")
      .option("-u,--user", o.user, "USER[:GROUP]", "Run as this user (name or id, and group)")
      .option("--group-add", o.group_add, "GROUP", "Join one more group")
      .option("--entrypoint", o.entrypoint, "COMMAND", "Replace the image's entrypoint")
      .option("-h,--hostname", o.hostname, "NAME", "The container's host name")
      .option("--domainname", o.domainname, "NAME", "The container's domain name")
      .option("-a,--attach", o.attach, "STREAM", "Attach to stdin, stdout or stderr only")
      .flag("--init", o.init, "Run a small init that forwards signals and reaps processes")
      .option("--restart", o.restart, "POLICY", "no, always, unless-stopped, on-failure[:max]")
      .option("--stop-signal", o.stop_signal, "SIGNAL", "Signal that stops the container")
      .option("--stop-timeout", o.stop_timeout, "SECONDS", "Time to end before it is killed")
      .option("-l,--label", o.labels, "KEY=VALUE", "Set a label")
      .option("--label-file", o.label_files, "FILE", "Read labels from a file")
      .option("--annotation", o.annotations, "KEY=VALUE", "Add an OCI annotation")
      .option("--cidfile", o.cidfile, "FILE", "Write the container's id to a file")
      .option("--platform", o.platform, "OS/ARCH", "Run the image for another platform")
      .option("--pull", o.pull, "WHEN", "Pull the image: always, missing, never (missing)")
      .flag("-q,--quiet", o.quiet, "Do not show the pull's progress")
      .option("--runtime", o.runtime, "NAME", "OCI runtime to use");
}

void declare_files(CLI::App* command, ContainerOptions& o) {
  Section(command, "Files and devices")
      .option("-v,--volume", o.volumes, "SOURCE:TARGET[:ro]",
              "Mount a directory of the host, or a volume")
      .option("--mount", o.mounts, "KEY=VALUE,...", "type=bind|volume|tmpfs,source=…,target=…")
      .option("--tmpfs", o.tmpfs, "PATH[:OPTIONS]", "Mount a tmpfs")
      .flag("--read-only", o.read_only, "Make the container's root file system read-only")
      .option("--volumes-from", o.volumes_from, "CONTAINER[:ro]", "Mount what another one mounts")
      .option("--volume-driver", o.volume_driver, "NAME", "Driver of the container's volumes")
      .option("--shm-size", o.shm_size, "SIZE", "Size of /dev/shm (64m)")
      .option("--storage-opt", o.storage_opts, "KEY=VALUE", "Option of the storage driver")
      .option("--device", o.devices, "HOST[:PATH[:rwm]]", "Give the container a device")
      .option("--device-cgroup-rule", o.device_cgroup_rules, "RULE",
              "Allow devices by number, such as 'c 42:* rmw'");
}

// Those that `update` can change while the container runs.
void declare_limits(CLI::App* command, ContainerOptions& o, const char* heading) {
  Section(command, heading)
      .option("-m,--memory", o.memory, "SIZE", "Memory limit, such as 512m")
      .option("--memory-swap", o.memory_swap, "SIZE", "Memory and swap together; -1: no limit")
      .option("--memory-reservation", o.memory_reservation, "SIZE", "Memory to be left it")
      .option("--cpus", o.cpus, "N", "Number of CPUs, such as 1.5")
      .option("-c,--cpu-shares", o.cpu_shares, "N", "Share of the CPUs among containers (1024)")
      .option("--cpuset-cpus", o.cpuset_cpus, "LIST", "CPUs it may use: 0-3, 0,1")
      .option("--cpuset-mems", o.cpuset_mems, "LIST", "Memory nodes it may use")
      .option("--cpu-period", o.cpu_period, "MICROSECONDS", "Period of the CPU quota")
      .option("--cpu-quota", o.cpu_quota, "MICROSECONDS", "CPU time in each period")
      .option("--cpu-rt-period", o.cpu_rt_period, "MICROSECONDS", "Period of real-time tasks")
      .option("--cpu-rt-runtime", o.cpu_rt_runtime, "MICROSECONDS", "Real-time tasks' CPU time")
      .option("--pids-limit", o.pids_limit, "N", "Number of processes; -1: no limit")
      .option("--blkio-weight", o.blkio_weight, "10-1000", "Share of the disks; 0: none set");
}

void declare_resources(CLI::App* command, ContainerOptions& o) {
  declare_limits(command, o, "Resources");
  Section(command, "Resources")
      .option("--memory-swappiness", o.memory_swappiness, "0-100", "Readiness to swap")
      .flag("--oom-kill-disable", o.oom_kill_disable, "Do not kill it when memory runs out")
      .option("--oom-score-adj", o.oom_score_adj, "N", "Who is killed first: -1000 to 1000")
      .option("--ulimit", o.ulimits, "NAME=SOFT[:HARD]", "A limit of setrlimit(2)")
      .option("--blkio-weight-device", o.blkio_weight_devices, "DEVICE:N", "Share of one disk")
      .option("--device-read-bps", o.read_bps, "DEVICE:SIZE", "Bytes read a second")
      .option("--device-write-bps", o.write_bps, "DEVICE:SIZE", "Bytes written a second")
      .option("--device-read-iops", o.read_iops, "DEVICE:N", "Reads a second")
      .option("--device-write-iops", o.write_iops, "DEVICE:N", "Writes a second")
      .option("--cgroup-parent", o.cgroup_parent, "CGROUP", "Cgroup to put its own below");
}

void declare_network(CLI::App* command, ContainerOptions& o) {
  Section(command, "Network")
      .option("--network,--net", o.networks, "NETWORK",
              "bridge, none, host, container:NAME or a name")
      .option("-p,--publish", o.publish, "[HOST:]PORT", "Publish a port on the host")
      .flag("-P,--publish-all", o.publish_all, "Publish all exposed ports")
      .option("--expose", o.expose, "PORT", "Expose a port or a range of ports")
      .option("--network-alias,--net-alias", o.network_aliases, "NAME", "One more name there")
      .option("--ip", o.ip, "ADDRESS", "IPv4 address")
      .option("--ip6", o.ip6, "ADDRESS", "IPv6 address")
      .option("--link-local-ip", o.link_local_ips, "ADDRESS", "Link-local address")
      .option("--mac-address", o.mac_address, "ADDRESS", "MAC address")
      .option("--link", o.links, "CONTAINER[:ALIAS]", "Know another container by a name")
      .option("--add-host", o.add_hosts, "NAME:ADDRESS", "A line for /etc/hosts")
      .option("--dns", o.dns, "ADDRESS", "DNS server")
      .option("--dns-option,--dns-opt", o.dns_options, "OPTION", "DNS option")
      .option("--dns-search", o.dns_search, "DOMAIN", "DNS search domain");
}

void declare_security(CLI::App* command, ContainerOptions& o) {
  Section(command, "Security and namespaces")
      .option("--cap-add", o.cap_add, "CAPABILITY", "Give a capability")
      .option("--cap-drop", o.cap_drop, "CAPABILITY", "Take a capability; ALL takes all")
      .flag("--privileged", o.privileged, "Give it the host's devices and all capabilities")
      .option("--security-opt", o.security_opts, "OPTION",
              "no-new-privileges, seccomp=FILE|unconfined, …")
      .option("--sysctl", o.sysctls, "NAME=VALUE", "Set a kernel parameter of its namespaces")
      .option("--pid", o.pid, "MODE", "PID namespace: host, container:NAME")
      .option("--ipc", o.ipc, "MODE", "IPC namespace: private, shareable, host, container:NAME")
      .option("--uts", o.uts, "MODE", "UTS namespace: host")
      .option("--userns", o.userns, "MODE", "User namespace: auto, auto:size=N, host")
      .option("--cgroupns", o.cgroupns, "MODE", "Cgroup namespace: private, host");
}

void declare_logs_and_health(CLI::App* command, ContainerOptions& o) {
  Section(command, "Logs and health")
      .option("--log-driver", o.log_driver, "NAME", "Where its output is kept")
      .option("--log-opt", o.log_opts, "KEY=VALUE", "Option of the log driver: max-size, max-file")
      .option("--health-cmd", o.health_cmd, "COMMAND", "Command that checks its health")
      .option("--health-interval", o.health_interval, "DURATION", "Time between two checks")
      .option("--health-timeout", o.health_timeout, "DURATION", "Time that one check may take")
      .option("--health-retries", o.health_retries, "N", "Failures until it counts as unhealthy")
      .option("--health-start-period", o.health_start_period, "DURATION",
              "Time to start, in which failures do not count")
      .option("--health-start-interval", o.health_start_interval, "DURATION",
              "Time between two checks while it starts")
      .flag("--no-healthcheck", o.no_healthcheck, "Do not check its health");
}

// Not in the help: what ctr cannot do says so when it is used.
void declare_hidden(CLI::App* command, ContainerOptions& o) {
  Section(command, "")
      .option("--gpus", o.gpus, "", "")
      .option("--isolation", o.isolation, "", "")
      .flag("--use-api-socket", o.use_api_socket, "")
      .flag("--disable-content-trust", o.disable_content_trust, "")
      .option("--cpu-count", o.windows_cpu_count, "", "")
      .option("--cpu-percent", o.windows_cpu_percent, "", "")
      .option("--io-maxbandwidth", o.windows_bandwidth, "", "")
      .option("--io-maxiops", o.windows_iops, "", "");
}

}  // namespace

void declare_container_options(CLI::App* command, ContainerOptions& options) {
  declare_process(command, options);
  declare_files(command, options);
  declare_network(command, options);
  declare_resources(command, options);
  declare_security(command, options);
  declare_logs_and_health(command, options);
  declare_hidden(command, options);
}

void declare_update_options(CLI::App* command, ContainerOptions& options) {
  declare_limits(command, options, "Options");
  Section(command, "Options")
      .option("--restart", options.restart, "POLICY",
              "no, always, unless-stopped, on-failure[:max]");
}

}  // namespace ctr::cli
