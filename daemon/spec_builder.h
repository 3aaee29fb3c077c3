// From Docker's request to the runtime's specification: what a container will be, as plain values.
// Pure: everything about the host that matters comes in as HostFacts and Placement, so that tables
// test it in milliseconds. Runs in: ctrd.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "daemon/container_config.h"
#include "image/id_range.h"
#include "runtime/spec.h"

namespace ctr::daemon {

// What the daemon reads of the host once at its start (and devices at each privileged start).
struct HostFacts {
  bool cgroup_v2 = false;
  unsigned possible_cpus = 1;                        // for the thermal_throttle masks
  std::string docker_init = "/usr/bin/tini-static";  // --init-path; empty: not installed
  std::vector<runtime::Device> devices;              // of /dev, for --privileged
  uint64_t kernel_capabilities = 0;                  // available_capabilities()
  std::vector<runtime::Rlimit> default_limits;       // --default-ulimit
  bool init = false;                                 // --init
  bool no_new_privileges = false;                    // --no-new-privileges
  bool seccomp_unconfined = false;                   // --seccomp-profile unconfined
  std::string seccomp_profile{};                     // its text; empty: the built-in one
  std::string apparmor_profile;  // of a container that asks for no other; empty: there is no AppArmor
};

// A volume or bind whose host side is settled: created, or checked to be there.
struct SettledMount {
  std::string source;  // host path
  std::string target;
  std::string subpath{};  // the part of the source: found inside of it by whoever mounts it
  bool read_only = false;
  bool recursive_read_only = true;  // also what is mounted below (rro)
  bool non_recursive = false;
  std::string propagation;   // "rprivate" by default
  std::string filesystem{};  // a file system of its own instead of a bind: its type, of `source` …
  std::vector<std::string> filesystem_options{};  // … with these
  bool idmapped = false;  // seen through the container's ids: files have their owners on disk
};

// Where this container lives and what was settled for it before the start.
struct Placement {
  std::string id;  // 64 hex
  runtime::Overlay overlay;
  std::string hosts_path, hostname_path, resolv_conf_path;  // host files; empty: not bound
  std::vector<SettledMount> mounts;                         // -v, --mount, volumes, anonymous ones
  std::vector<runtime::NetworkInterface> interfaces;
  // --network|pid|ipc|uts container:X: paths of namespaces to join, by kind.
  std::map<runtime::NamespaceKind, std::string> joined;
  image::IdRanges ids;  // of its user namespace, made or joined; none: it has none
  std::string seccomp_program;  // compiled filter; empty: unconfined
  uint32_t seccomp_flags = 0;
  std::vector<std::string> link_environment;  // "DB_PORT=tcp://172.17.0.2:80"
  bool name_server = false;  // neighbours have names: see daemon/dns
};

// Throws Error{invalid_argument} with Docker's texts for what cannot be meant.
runtime::ContainerSpec build_spec(const ContainerConfig& config, const HostConfig& host_config,
                                  const Placement& placement, const HostFacts& facts);

// The process of an exec: Docker's rules for what it takes over from the container.
struct ExecConfig {
  std::vector<std::string> cmd;
  std::vector<std::string> env;
  std::string user;
  std::string working_dir;
  bool tty = false;
  bool privileged = false;
  uint16_t rows = 0;
  uint16_t columns = 0;
};
runtime::Process build_exec_process(const runtime::ContainerSpec& container, const ExecConfig& exec,
                                    const HostFacts& facts);

// The capabilities that the container's processes may have.
uint64_t plan_container_capabilities(const HostConfig& host_config, const HostFacts& facts);

// What SecurityOpt says: "no-new-privileges[:true|=false]", "seccomp=unconfined|builtin|{json}",
// "apparmor=…", "label=…", "systempaths=unconfined". Docker's client sends a profile's content.
struct SecurityOptions {
  bool no_new_privileges = false;
  bool seccomp_unconfined = false;
  std::string seccomp_profile;  // JSON text; empty: the default profile
  bool paths_unconfined = false;
  std::string apparmor_profile;  // empty: there is no AppArmor
};
SecurityOptions parse_security_options(const HostConfig& host_config, const HostFacts& facts);

// Limits in the runtime's terms; Error{invalid_argument} "Minimum memory limit allowed is 6MB" ….
runtime::Resources plan_resources(const ResourceRequest& request, const HostConfig& host_config,
                                  const HostFacts& facts);
// Docker's checks of what was asked for, at create and update; returns warnings.
std::vector<std::string> check_resources(const ResourceRequest& request);

// "80", "SIGTERM", "term" → 15; Error{invalid_argument} "Invalid signal: x".
int parse_signal(const std::string& text);

}  // namespace ctr::daemon
