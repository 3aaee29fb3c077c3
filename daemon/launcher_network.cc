// The network's part of a start: addresses, and the files that tell the container of them.
#include <fcntl.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "daemon/launcher.h"
#include "daemon/networks/network_files.h"
#include "runtime/sys/error.h"
#include "runtime/sys/file.h"

namespace ctr::daemon {

namespace {

using nlohmann::json;

std::string text_of(const json& object, const char* key) {
  auto value = object.find(key);
  return value != object.end() && value->is_string() ? value->get<std::string>() : "";
}

bool is_same_network(const std::string& a, const std::string& b) {
  auto canonical = [](const std::string& name) {
    return name.empty() || name == "default" ? std::string("bridge") : name;
  };
  return canonical(a) == canonical(b);
}

// The directory is new with each start: nobody reads before the monitor, no rename is needed. The file is
// the root's whom the container has: the exec root may lie on a file system whose ids cannot be mapped.
void write_plain(const std::string& path, const std::string& content, const image::IdRanges& ids) {
  sys::UniqueFd file = sys::open_at(AT_FDCWD, path, O_WRONLY | O_CREAT | O_EXCL, 0644);
  sys::write_all(file.get(), content, path);
  if (ids.mapped())
    sys::check(::fchown(file.get(), ids.uids.first, ids.gids.first), "chown", path);
}

}  // namespace

AttachRequest attach_request(const ContainerRecord& record, const std::string& network,
                             const json& endpoint) {
  AttachRequest request;
  request.container_id = record.id;
  request.network = network;
  request.mac = text_of(endpoint, "MacAddress");
  if (endpoint.contains("IPAMConfig") && endpoint["IPAMConfig"].is_object()) {
    request.ip = text_of(endpoint["IPAMConfig"], "IPv4Address");
    request.ip6 = text_of(endpoint["IPAMConfig"], "IPv6Address");
  }
  if (endpoint.contains("DriverOpts") && endpoint["DriverOpts"].is_object())
    request.interface = text_of(endpoint["DriverOpts"], bridge_option::interface_name);
  if (endpoint.contains("GwPriority") && endpoint["GwPriority"].is_number_integer())
    request.gateway_priority = endpoint["GwPriority"].get<int>();
  if (endpoint.contains("Aliases") && endpoint["Aliases"].is_array())
    for (const json& alias : endpoint["Aliases"])
      request.aliases.push_back(alias.get<std::string>());
  return request;
}

std::vector<AttachRequest> plan_attachments(const ContainerRecord& record) {
  const std::string& mode = record.host.network_mode;
  if (mode.starts_with("container:")) return {};
  json networking = json::parse(record.networking_json);
  const json& endpoints = networking.at("EndpointsConfig");
  json own = json::object();
  std::vector<AttachRequest> others;
  for (auto endpoint = endpoints.begin(); endpoint != endpoints.end(); ++endpoint) {
    if (is_same_network(endpoint.key(), mode))
      own = *endpoint;
    else
      others.push_back(attach_request(record, endpoint.key(), *endpoint));
  }
  std::vector<AttachRequest> requests;
  if (!networking.contains(left_mode_key)) {
    requests.push_back(attach_request(record, mode, own));
    if (requests[0].mac.empty()) requests[0].mac = record.config.mac_address;
  }
  requests.insert(requests.end(), others.begin(), others.end());
  return requests;
}

std::vector<PortRequest> plan_published_ports(const ContainerRecord& record) {
  return plan_ports(json::parse(record.host_config_json), record.config.exposed_ports);
}

std::vector<EndpointSettings> Launcher::attach_networks(const ContainerRecord& record) {
  std::vector<EndpointSettings> endpoints;
  for (const AttachRequest& request : plan_attachments(record))
    endpoints.push_back(networks_.attach(request));
  networks_.place_ports(record.id, plan_published_ports(record));
  return endpoints;
}

void Launcher::write_network_files(const ContainerRecord& record, Placement& placement,
                                   const std::vector<EndpointSettings>& endpoints,
                                   const JoinedContainers& joined) {
  // Who shares another container's network shares its names, too. Made anew for each start, so that
  // they need not outlive a reboot: and ext4 is slow with small files while others are deleted.
  std::string files = exec_directory(joined.network_id.empty() ? record.id : joined.network_id);
  placement.hosts_path = files + "/hosts";
  placement.hostname_path = files + "/hostname";
  placement.resolv_conf_path = files + "/resolv.conf";
  if (!joined.network_id.empty()) return;

  bool shares_host = record.host.network_mode == "host";
  HostsInput hosts;
  hosts.hostname = record.config.hostname;
  hosts.domainname = record.config.domainname;
  hosts.extra_hosts = record.host.extra_hosts;
  hosts.linked = joined.linked_hosts;
  for (const EndpointSettings& endpoint : endpoints) {
    for (const std::string& address : {endpoint.ip, endpoint.ip6})
      if (!address.empty()) hosts.addresses.push_back(address);
    if (hosts.host_gateway.empty()) hosts.host_gateway = endpoint.gateway;
  }
  if (shares_host) hosts.host_file = sys::find_file("/etc/hosts").value_or("");
  const auto write = [&](const std::string& path, const std::string& content) {
    write_plain(path, content, placement.ids);
  };
  write(placement.hosts_path, hosts_file(hosts));
  write(placement.hostname_path, hostname_file(record.config.hostname));
  write(placement.resolv_conf_path, resolv_conf_for(record, placement.name_server));
}

std::string Launcher::resolv_conf_for(const ContainerRecord& record, bool name_server) const {
  auto given = [](const std::vector<std::string>& own, const std::vector<std::string>& otherwise) {
    return own.empty() ? otherwise : own;
  };
  return resolv_conf({.host_file = host_resolv_conf(),
                      .name_server = name_server,
                      .share_host = record.host.network_mode == "host",
                      .nameservers = given(record.host.dns, options_.dns),
                      .search = given(record.host.dns_search, options_.dns_search),
                      .options = given(record.host.dns_options, options_.dns_options)});
}

// In place: the container has this very file mounted.
void Launcher::use_name_server(const ContainerRecord& record) const {
  const std::string path = exec_directory(record.id) + "/resolv.conf";
  sys::UniqueFd file = sys::open_at(AT_FDCWD, path, O_WRONLY | O_TRUNC | O_NOFOLLOW);
  sys::write_all(file.get(), resolv_conf_for(record, true), path);
}

}  // namespace ctr::daemon
