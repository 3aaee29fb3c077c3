// The daemon's settings, from its command line and its configuration file, both in dockerd's words.
// Read once by main, then constant.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace ctr::daemon {

struct UlimitSetting {
  int64_t soft = 0;  // -1: unlimited
  int64_t hard = 0;
};

// Subnets for networks that ask for none: parts of `base`, of `size` bits each.
struct AddressPoolSetting {
  std::string base;  // "10.10.0.0/16"
  int64_t size = 0;  // 24
};

struct Config {
  std::string data_root = "/var/lib/ctr";
  std::string exec_root = "/run/ctr";
  std::string config_file = "/etc/ctr/daemon.json";
  std::vector<std::string> hosts;  // "unix:///run/ctr/ctrd.sock", "fd://"; never empty
  std::string pidfile;             // <exec-root>/ctrd.pid
  std::string group;               // of the socket; empty: "ctr" or "docker" if there is one
  std::string log_level = "info";
  std::string log_format = "text";
  bool debug = false;

  std::vector<std::string> registry_mirrors;
  std::vector<std::string> insecure_registries;
  std::string http_proxy;  // for registries; else the daemon's environment: HTTP_PROXY …
  std::string https_proxy;
  std::string no_proxy;
  int64_t max_concurrent_downloads = 3;
  int64_t max_download_attempts = 5;
  std::string embedded_images;  // directory of OCI layouts; empty: beside the installation, if any

  std::string bridge;  // empty: the default bridge; "none": no networks with bridges
  std::string bip;     // "172.17.0.1/16"
  std::string fixed_cidr;   // part of the bridge's subnet to give addresses from
  bool ipv6 = false;        // on the default bridge
  std::string bip6;         // "fd00::1/64"
  std::string fixed_cidr6;  // its IPv6 subnet, or with bip6 a part of it
  std::string host_ip;      // for ports that are published without an address
  bool ip_masq = true;
  int64_t mtu = 1500;
  bool icc = true;
  bool iptables = true;  // false: the firewall is the administrator's
  bool ip_forward = true;
  std::vector<AddressPoolSetting> default_address_pools;  // empty: Docker's
  std::vector<std::string> dns;
  std::vector<std::string> dns_options;
  std::vector<std::string> dns_search;

  std::map<std::string, UlimitSetting> default_ulimits;
  std::string log_driver = "json-file";
  std::map<std::string, std::string> log_options;
  std::string default_shm_size = "64m";
  std::string cgroup_parent;
  std::string init_path;
  bool init = false;  // for containers that do not say
  std::string seccomp_profile = "builtin";  // that, "unconfined", or a file
  bool no_new_privileges = false;
  std::string default_ipc_mode = "private";
  std::string default_cgroupns_mode = "private";
  std::string default_runtime = "ctr";
  std::vector<std::string> exec_options;
  std::string monitor_path;  // ctr-monitor; beside ctrd
  std::vector<std::string> labels;
  std::string userns_remap;  // see UserRanges; empty: containers have no user namespaces

  std::vector<std::string> warnings;  // accepted settings without effect here
};

struct CommandLine {
  enum class Action { serve, validate, print, apply_layer, remove_host_state };
  Action action = Action::serve;
  Config config{};
  std::string text{};       // print: what --help and --version say
  std::string directory{};  // apply_layer
};

// Reads the configuration file as well. Throws Error{invalid_argument} with one message that names
// what is wrong and where: unknown flags and keys, values of the wrong type, settings given twice.
CommandLine parse_command_line(int argc, const char* const* argv);

// "base=10.10.0.0/16,size=24". Pure.
AddressPoolSetting parse_address_pool(const std::string& text);

// "nofile=1024:2048", "nproc=100". Pure.
std::pair<std::string, UlimitSetting> parse_ulimit(const std::string& text);

// Where things are that were installed, or built, with this program: <bin>/../<path>; empty if the
// executable cannot be found.
std::string beside_executable(const std::string& path);

}  // namespace ctr::daemon
