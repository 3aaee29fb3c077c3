#include "daemon/container_view.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "daemon/container_links.h"
#include "daemon/status_text.h"
#include "runtime/sys/file.h"
#include "runtime/sys/timestamp.h"

namespace ctr::daemon {

namespace {

using nlohmann::json;

json state_json(const LiveRecord& live) {
  const RunState& state = live.state;
  json value{{"Status", status_name(state.status)},
             {"Running", state.running()},
             {"Paused", state.status == Status::paused},
             {"Restarting", state.status == Status::restarting},
             {"OOMKilled", state.oom_killed},
             {"Dead", state.status == Status::dead},
             {"Pid", state.pid},
             {"ExitCode", state.exit_code},
             {"Error", state.error},
             {"StartedAt", sys::format_timestamp(state.started_at)},
             {"FinishedAt", sys::format_timestamp(state.finished_at)}};
  if (!live.health.status.empty()) value["Health"] = health_json(live.health);
  return value;
}

// On networks that users make, a container's neighbours find it by these. Docker tells them as DNSNames;
// clients before API 1.45 look for the short id among the aliases.
json dns_names(const ContainerRecord& record, const EndpointSettings& endpoint) {
  std::vector<std::string> names{record.name};
  auto add = [&](const std::string& name) {
    if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  };
  for (const std::string& alias : endpoint.aliases) add(alias);
  add(short_id(record.id));
  if (!record.managed_hostname) add(record.config.hostname);
  return names;
}

json endpoint_json(const ContainerRecord& record, const EndpointSettings& endpoint,
                   const json& wanted, int api_minor) {
  auto asked = [&](const char* key) {
    return wanted.is_object() && wanted.contains(key) ? wanted[key] : json(nullptr);
  };
  const bool has_names = endpoint.network_name != "bridge" && endpoint.network_name != "host" &&
                         endpoint.network_name != "none" && !endpoint.network_name.empty();
  std::vector<std::string> own = endpoint.aliases;
  if (has_names && api_minor < 45) {
    own.push_back(short_id(record.id));
    if (!record.managed_hostname) own.push_back(record.config.hostname);
  }
  json aliases = own.empty() ? json(nullptr) : json(own);
  json value{{"IPAMConfig", asked("IPAMConfig")},
          {"Links", asked("Links")},
          {"Aliases", std::move(aliases)},
          {"MacAddress", endpoint.mac},
          {"DriverOpts", asked("DriverOpts")},
          {"GwPriority", endpoint.gateway_priority},
          {"NetworkID", endpoint.network_id},
          {"EndpointID", endpoint.endpoint_id},
          {"Gateway", endpoint.gateway},
          {"IPAddress", endpoint.ip},
          {"IPPrefixLen", endpoint.prefix},
          {"IPv6Gateway", endpoint.gateway6},
          {"GlobalIPv6Address", endpoint.ip6},
          {"GlobalIPv6PrefixLen", endpoint.prefix6}};
  if (api_minor >= 44)
    value["DNSNames"] = has_names ? dns_names(record, endpoint) : json(nullptr);
  if (api_minor < 48) value.erase("GwPriority");
  return value;
}

// The networks it is in; while it does not run, those that it will be in.
json networks_json(const ContainerRecord& record, const std::vector<EndpointSettings>& endpoints,
                   const std::map<std::string, std::string>& network_ids, int api_minor) {
  json wanted = json::parse(record.networking_json).at("EndpointsConfig");
  json networks = json::object();
  for (const EndpointSettings& endpoint : endpoints)
    networks[endpoint.network_name] =
        endpoint_json(record, endpoint, wanted.value(endpoint.network_name, json(nullptr)), api_minor);
  if (!endpoints.empty()) return networks;
  for (const AttachRequest& request : plan_attachments(record)) {
    EndpointSettings none;
    none.aliases = request.aliases;
    none.gateway_priority = request.gateway_priority;
    if (auto known = network_ids.find(request.network); known != network_ids.end())
      none.network_id = known->second;
    none.network_name = request.network;
    networks[request.network] =
        endpoint_json(record, none, wanted.value(request.network, json(nullptr)), api_minor);
  }
  return networks;
}

json ports_json(const InspectInput& input) {
  json ports = json::object();
  if (!input.container.live.state.alive()) return ports;
  for (const std::string& port : input.container.record.config.exposed_ports)
    ports[port.find('/') == std::string::npos ? port + "/tcp" : port] = nullptr;
  for (const EndpointSettings& endpoint : input.endpoints)
    for (const PublishedPort& port : endpoint.ports)
      ports[fmt::format("{}/{}", port.container_port, port.protocol)].push_back(
          {{"HostIp", port.host_ip}, {"HostPort", std::to_string(port.host_port)}});
  return ports;
}

json network_settings_json(const InspectInput& input) {
  const ContainerRecord& record = input.container.record;
  bool alive = input.container.live.state.alive();
  json settings{
      {"Bridge", ""},
      {"SandboxID", alive ? record.id : ""},
      {"SandboxKey", alive ? fmt::format("/proc/{}/ns/net", input.container.live.state.pid) : ""},
      {"Ports", ports_json(input)},
      {"HairpinMode", false},
      {"LinkLocalIPv6Address", ""},
      {"LinkLocalIPv6PrefixLen", 0},
      {"SecondaryIPAddresses", nullptr},
      {"SecondaryIPv6Addresses", nullptr},
      {"EndpointID", ""},
      {"Gateway", ""},
      {"GlobalIPv6Address", ""},
      {"GlobalIPv6PrefixLen", 0},
      {"IPAddress", ""},
      {"IPPrefixLen", 0},
      {"IPv6Gateway", ""},
      {"MacAddress", ""},
      {"Networks", networks_json(record, input.endpoints, input.network_ids, input.api_minor)}};
  // The top-level fields, until API 1.52, are those of the network "bridge".
  for (const EndpointSettings& endpoint : input.endpoints) {
    if (endpoint.network_name != "bridge") continue;
    settings["EndpointID"] = endpoint.endpoint_id;
    settings["Gateway"] = endpoint.gateway;
    settings["IPAddress"] = endpoint.ip;
    settings["IPPrefixLen"] = endpoint.prefix;
    settings["MacAddress"] = endpoint.mac;
    settings["GlobalIPv6Address"] = endpoint.ip6;
    settings["GlobalIPv6PrefixLen"] = endpoint.prefix6;
    settings["IPv6Gateway"] = endpoint.gateway6;
  }
  return settings;
}

json host_config_json(const ContainerRecord& record) {
  json host = json::parse(record.host_config_json);
  for (json& link : host["Links"])
    link = format_link(parse_link(link.get<std::string>()), record.name);
  return host;
}

json mounts_json(const ContainerRecord& record) {
  json mounts = json::array();
  for (const MountPoint& mount : record.mounts) mounts.push_back(mount_point_json(mount));
  return mounts;
}

json graph_driver_json(const InspectInput& input) {
  std::string lower;
  for (const std::string& layer : input.snapshot.lower) lower += (lower.empty() ? "" : ":") + layer;
  return {{"Name", "overlay2"},
          {"Data",
           {{"ID", input.container.record.id},
            {"LowerDir", lower},
            {"MergedDir", input.directory + "/merged"},
            {"UpperDir", input.snapshot.upper},
            {"WorkDir", input.snapshot.work}}}};
}

std::string command_text(const ContainerRecord& record) {
  std::string text = record.path;
  for (const std::string& argument : record.args)
    text += argument.find(' ') == std::string::npos ? " " + argument : " '" + argument + "'";
  return text;
}

json list_ports_json(const ListInput& input) {
  json ports = json::array();
  if (!input.container.live.state.alive()) return ports;
  std::set<std::string> published;
  for (const EndpointSettings& endpoint : input.endpoints)
    for (const PublishedPort& port : endpoint.ports) {
      published.insert(fmt::format("{}/{}", port.container_port, port.protocol));
      ports.push_back({{"IP", port.host_ip},
                       {"PrivatePort", port.container_port},
                       {"PublicPort", port.host_port},
                       {"Type", port.protocol}});
    }
  for (const std::string& port : input.container.record.config.exposed_ports) {
    if (published.contains(port) || published.contains(port + "/tcp")) continue;
    size_t slash = port.find('/');
    std::string number = port.substr(0, slash);
    if (number.find('-') != std::string::npos) continue;
    ports.push_back({{"PrivatePort", std::stoi(number)},
                     {"Type", slash == std::string::npos ? "tcp" : port.substr(slash + 1)}});
  }
  return ports;
}

}  // namespace

json mount_point_json(const MountPoint& mount) {
  json value{{"Type", mount.type}, {"Source", mount.source}, {"Destination", mount.destination},
             {"Mode", mount.mode}, {"RW", mount.writable},   {"Propagation", mount.propagation}};
  if (mount.type == "volume") {
    value["Name"] = mount.name;
    value["Driver"] = "local";
  }
  return value;
}

json inspect_json(const InspectInput& input) {
  const ContainerRecord& record = input.container.record;
  const LiveRecord& live = input.container.live;
  // Files that the first start makes.
  const bool has_begun = live.state.status != Status::created;
  auto if_begun = [&](const std::string& path) { return has_begun ? path : ""; };
  json value{{"Id", record.id},
             {"Created", sys::format_timestamp(record.created)},
             {"Path", record.path},
             {"Args", record.args},
             {"State", state_json(live)},
             {"Image", record.image_id},
             {"ResolvConfPath", if_begun(input.exec_directory + "/resolv.conf")},
             {"HostnamePath", if_begun(input.exec_directory + "/hostname")},
             {"HostsPath", if_begun(input.exec_directory + "/hosts")},
             {"LogPath", record.host.log_type == "none" ? "" : if_begun(input.log_path)},
             {"Name", "/" + record.name},
             {"RestartCount", live.restart_count},
             {"Driver", "overlay2"},
             {"Platform", record.platform},
             {"MountLabel", ""},
             {"ProcessLabel", ""},
             {"AppArmorProfile", input.apparmor_profile},
             {"ExecIDs", input.exec_ids.empty() ? json(nullptr) : json(input.exec_ids)},
             {"HostConfig", host_config_json(record)},
             {"GraphDriver", graph_driver_json(input)},
             {"Mounts", mounts_json(record)},
             {"Config", json::parse(record.config_json)},
             {"NetworkSettings", network_settings_json(input)}};
  if (!input.image_digest.empty())
    value["ImageManifestDescriptor"] = {
        {"mediaType", "application/vnd.oci.image.manifest.v1+json"},
        {"digest", input.image_digest},
        {"platform", {{"architecture", record.architecture}, {"os", record.platform}}}};
  if (input.with_size) {
    value["SizeRw"] = input.size_rw;
    value["SizeRootFs"] = input.size_root;
  }
  return value;
}

json list_json(const ListInput& input) {
  const ContainerRecord& record = input.container.record;
  const RunState& state = input.container.live.state;
  json value{{"Id", record.id},
             {"Names", json::array({"/" + record.name})},
             {"Image", input.image_name},
             {"ImageID", record.image_id},
             {"Command", command_text(record)},
             {"Created", record.created / 1'000'000'000},
             {"Ports", list_ports_json(input)},
             {"Labels", record.config.labels},
             {"State", status_name(state.status)},
             {"Status", status_text(state, input.container.live.health.status, input.now)},
             {"HostConfig", {{"NetworkMode", record.host.network_mode}}},
             {"NetworkSettings", {{"Networks", networks_json(record, input.endpoints, input.network_ids, input.api_minor)}}},
             {"Mounts", mounts_json(record)}};
  if (input.with_size) {
    if (input.size_rw > 0) value["SizeRw"] = input.size_rw;
    value["SizeRootFs"] = input.size_root;
  }
  return value;
}

}  // namespace ctr::daemon
