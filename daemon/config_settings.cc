#include "daemon/config_settings.h"

#include <algorithm>
#include <charconv>

#include "runtime/sys/error.h"

namespace ctr::daemon {

using sys::Error;
using sys::ErrorKind;

const std::vector<Setting>& settings() {
  using Flag = NoEffect::Kind;
  static const std::vector<Setting> table{
      {"-g,--data-root", "data-root", &Config::data_root, "where images and containers are kept"},
      {"--exec-root", "exec-root", &Config::exec_root, "where what a reboot may forget is kept"},
      {"--config-file", "", &Config::config_file, "configuration file"},
      {"-H,--host", "hosts", &Config::hosts, "socket to listen on: unix://PATH or fd://"},
      {"-p,--pidfile", "pidfile", &Config::pidfile, "file for the daemon's process id"},
      {"-G,--group", "group", &Config::group, "group that may use the socket"},
      {"-l,--log-level", "log-level", &Config::log_level, "debug, info, warn, error or fatal"},
      {"--log-format", "log-format", &Config::log_format, "text or json"},
      {"-D,--debug", "debug", &Config::debug, "the same as --log-level debug"},
      {"--registry-mirror", "registry-mirrors", &Config::registry_mirrors,
       "registry to ask first for Docker Hub's images"},
      {"--insecure-registry", "insecure-registries", &Config::insecure_registries,
       "registry (host[:port] or subnet) that may be spoken to without verified TLS"},
      {"--max-concurrent-downloads", "max-concurrent-downloads", &Config::max_concurrent_downloads,
       "layers of one pull that are fetched at a time"},
      {"--max-download-attempts", "max-download-attempts", &Config::max_download_attempts,
       "how often a failed download is begun, in all"},
      {"--http-proxy", "http-proxy", &Config::http_proxy, "proxy for registries over HTTP"},
      {"--https-proxy", "https-proxy", &Config::https_proxy, "proxy for registries over HTTPS"},
      {"--no-proxy", "no-proxy", &Config::no_proxy, "hosts that are reached without proxy"},
      {"--embedded-images", "", &Config::embedded_images,
       "directory of images to fall back to when the registry cannot be reached"},
      {"-b,--bridge", "bridge", &Config::bridge, "bridge for containers; none: no networking"},
      {"--bip", "bip", &Config::bip, "address and subnet of the bridge: 172.17.0.1/16"},
      {"--fixed-cidr", "fixed-cidr", &Config::fixed_cidr,
       "part of the bridge's subnet that containers' addresses are of"},
      {"--ipv6", "ipv6", &Config::ipv6, "the bridge has IPv6, too"},
      {"--bip6", "bip6", &Config::bip6, "IPv6 address and subnet of the bridge: fd00::1/64"},
      {"--fixed-cidr-v6", "fixed-cidr-v6", &Config::fixed_cidr6,
       "IPv6 subnet of the bridge; with --bip6 the part of it that containers' addresses are of"},
      {"--ip", "ip", &Config::host_ip,
       "address of the host for ports that are published without one"},
      {"--ip-masq", "ip-masq", &Config::ip_masq, "containers leave the host under its address"},
      {"--mtu", "mtu", &Config::mtu, "of the bridge and the containers' interfaces"},
      {"--icc", "icc", &Config::icc, "containers on the bridge may talk to each other"},
      {"--ip-forward", "ip-forward", &Config::ip_forward, "let the kernel forward packets"},
      {"--default-address-pool", "default-address-pools", &Config::default_address_pools,
       "subnets for networks: base=10.10.0.0/16,size=24"},
      {"--iptables", "iptables", &Config::iptables, "make firewall rules (with nftables)"},
      {"--dns", "dns", &Config::dns, "name server for containers"},
      {"--dns-opt", "dns-opts", &Config::dns_options, "resolver option for containers"},
      {"--dns-search", "dns-search", &Config::dns_search, "search domain for containers"},
      {"--default-ulimit", "default-ulimits", &Config::default_ulimits,
       "limit for containers: nofile=1024:2048"},
      {"--log-driver", "log-driver", &Config::log_driver, "json-file or none"},
      {"--log-opt", "log-opts", &Config::log_options, "option of the log driver: max-size=20m"},
      {"--default-shm-size", "default-shm-size", &Config::default_shm_size, "size of /dev/shm"},
      {"--cgroup-parent", "cgroup-parent", &Config::cgroup_parent, "cgroup above the containers'"},
      {"--init-path", "init-path", &Config::init_path, "program for run --init"},
      {"--init", "init", &Config::init, "run --init for containers that do not say"},
      {"--seccomp-profile", "seccomp-profile", &Config::seccomp_profile,
       "builtin, unconfined, or a file: for containers that do not say"},
      {"--no-new-privileges", "no-new-privileges", &Config::no_new_privileges,
       "for containers that do not say"},
      {"--default-ipc-mode", "default-ipc-mode", &Config::default_ipc_mode, "private or shareable"},
      {"--default-cgroupns-mode", "default-cgroupns-mode", &Config::default_cgroupns_mode,
       "private or host"},
      {"--default-runtime", "default-runtime", &Config::default_runtime, "ctr, or runc as its name"},
      {"--exec-opt", "exec-opts", &Config::exec_options, "native.cgroupdriver=cgroupfs"},
      {"--monitor-path", "", &Config::monitor_path, "ctr-monitor to use"},
      {"--userns-remap", "userns-remap", &Config::userns_remap,
       "user namespaces for containers: auto, default or USER[:GROUP] of /etc/subuid and /etc/subgid"},
      {"--label", "labels", &Config::labels, "label of this daemon: key=value"},

      // What ctrd does anyway, or does not have.
      {"--live-restore", "live-restore", NoEffect{Flag::flag}, "always on"},
      {"--experimental", "experimental", NoEffect{Flag::flag}, "no effect"},
      {"--ip6tables", "ip6tables", NoEffect{Flag::flag}, "no effect: ctrd uses nftables"},
      {"--userland-proxy", "userland-proxy", NoEffect{Flag::flag}, "no effect"},
      {"--raw-logs", "raw-logs", NoEffect{Flag::flag}, "no effect"},
      {"-s,--storage-driver", "storage-driver", NoEffect{Flag::value}, "always overlay2"},
      {"--storage-opt", "storage-opts", NoEffect{Flag::value}, "no effect"},
      {"--shutdown-timeout", "shutdown-timeout", NoEffect{Flag::value},
       "no effect: containers run on when the daemon ends"},
      {"--max-concurrent-uploads", "max-concurrent-uploads", NoEffect{Flag::value},
       "no effect: layers are sent one after another"},
      {"--add-runtime", "runtimes", NoEffect{Flag::value}, "no effect: there is one runtime"},
      {"--containerd", "containerd", NoEffect{Flag::value}, "no effect"},
      {"--userland-proxy-path", "userland-proxy-path", NoEffect{Flag::value}, "no effect"},
      {"--oom-score-adjust", "oom-score-adjust", NoEffect{Flag::value}, "no effect"},
      {"--metrics-addr", "metrics-addr", NoEffect{Flag::value}, "no effect"},
      {"", "features", NoEffect{}, ""},
      {"", "builder", NoEffect{}, ""},
      {"", "proxies", NoEffect{}, ""},

      // Not here, and not without: the user would believe in a protection that is not there.
      {"--selinux-enabled", "selinux-enabled", Refused{Refused::Kind::flag}, "not supported yet"},
      {"--authorization-plugin", "authorization-plugins", Refused{Refused::Kind::value},
       "not supported yet"},
      {"--default-gateway", "default-gateway", Refused{Refused::Kind::value}, "not supported yet"},
      {"--tlscacert", "tlscacert", Refused{Refused::Kind::value},
       "not supported: there is no TCP listener"},
      {"--tlscert", "tlscert", Refused{Refused::Kind::value},
       "not supported: there is no TCP listener"},
      {"--tlskey", "tlskey", Refused{Refused::Kind::value},
       "not supported: there is no TCP listener"},
      {"--tls", "tls", Refused{Refused::Kind::flag}, "not supported: there is no TCP listener"},
      {"--tlsverify", "tlsverify", Refused{Refused::Kind::flag},
       "not supported: there is no TCP listener"},
  };
  return table;
}

void note_unused(Config& config, const Setting& setting) {
  std::string name = *setting.key != '\0' ? setting.key : setting.flags;
  if (std::holds_alternative<Refused>(setting.member))
    throw Error(ErrorKind::invalid_argument,
                fmt::format("setting '{}' is not supported by ctrd: remove it", name));
  config.warnings.push_back(fmt::format("setting '{}' has no effect in ctrd", name));
}

void add_key_value(std::map<std::string, std::string>& map, const std::string& text,
                   const char* key) {
  size_t equals = text.find('=');
  if (equals == 0 || equals == std::string::npos)
    throw Error(ErrorKind::invalid_argument,
                fmt::format("invalid {} '{}': must be key=value", key, text));
  map[text.substr(0, equals)] = text.substr(equals + 1);
}

AddressPoolSetting parse_address_pool(const std::string& text) {
  AddressPoolSetting pool;
  std::string_view rest = text;
  while (!rest.empty()) {
    std::string_view field = rest.substr(0, rest.find(','));
    rest.remove_prefix(std::min(field.size() + 1, rest.size()));
    std::string_view value = field.substr(std::min(field.find('=') + 1, field.size()));
    if (field.starts_with("base=")) pool.base = value;
    if (field.starts_with("size="))
      (void)std::from_chars(value.data(), value.data() + value.size(), pool.size);
  }
  if (pool.base.empty() || pool.size == 0)
    throw Error(ErrorKind::invalid_argument,
                fmt::format("invalid default-address-pool '{}': must be base=SUBNET,size=BITS", text));
  return pool;
}

std::pair<std::string, UlimitSetting> parse_ulimit(const std::string& text) {
  auto fail = [&]() -> int64_t {
    throw Error(ErrorKind::invalid_argument, fmt::format("invalid ulimit argument: {}", text));
  };
  auto number = [&](std::string_view digits) {
    int64_t value = 0;
    auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    bool whole = error == std::errc() && end == digits.data() + digits.size();
    return whole && value >= -1 ? value : fail();
  };
  size_t equals = text.find('=');
  if (equals == 0 || equals == std::string::npos) fail();
  std::string limits = text.substr(equals + 1);
  size_t colon = limits.find(':');
  UlimitSetting limit;
  limit.soft = number(limits.substr(0, colon));
  limit.hard = colon == std::string::npos ? limit.soft : number(limits.substr(colon + 1));
  if (limit.hard != -1 && (limit.soft == -1 || limit.soft > limit.hard)) fail();
  return {text.substr(0, equals), limit};
}

}  // namespace ctr::daemon
