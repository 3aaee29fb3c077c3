#include "daemon/container_links.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "daemon/networks/network_files.h"
#include "runtime/sys/error.h"

namespace ctr::daemon {

namespace {

using nlohmann::json;

std::string last_part(const std::string& path) { return path.substr(path.rfind('/') + 1); }

void add_links(std::vector<ContainerLink>& links, const json& texts) {
  if (!texts.is_array()) return;
  for (const json& text : texts) links.push_back(parse_link(text.get<std::string>()));
}

// "db" → "DB", "my-db" → "MY_DB".
std::string variable_prefix(const std::string& alias) {
  std::string prefix;
  for (char c : alias) prefix += c == '-' || c == '.' ? '_' : static_cast<char>(::toupper(c));
  return prefix;
}

}  // namespace

bool is_mode(const ContainerRecord& record, const Network& network) {
  const std::string& mode = record.host.network_mode;
  bool is_bridge = (mode.empty() || mode == "default") && network.name == "bridge";
  return is_bridge || mode == network.name || mode == network.id;
}

ContainerLink parse_link(const std::string& text) {
  const size_t colon = text.find(':');
  ContainerLink link;
  link.target = last_part(text.substr(0, colon));
  link.alias = colon == std::string::npos ? link.target : last_part(text.substr(colon + 1));
  const bool has_more = colon != std::string::npos && text.find(':', colon + 1) != std::string::npos;
  if (link.target.empty() || link.alias.empty() || has_more)
    throw sys::Error(sys::ErrorKind::invalid_argument,
                     fmt::format("bad format for links: {}", text.substr(0, 200)));
  check_hostname(link.alias);  // a line break would be a line of /etc/hosts (U07)
  return link;
}

std::string format_link(const ContainerLink& link, const std::string& own_name) {
  return fmt::format("/{}:/{}/{}", link.target, own_name, link.alias);
}

std::vector<ContainerLink> links_of(const ContainerRecord& record, const Network& network) {
  std::vector<ContainerLink> links;
  if (is_mode(record, network))
    for (const std::string& text : record.host.links) links.push_back(parse_link(text));
  const json networking = json::parse(record.networking_json);
  const json& endpoints = networking.at("EndpointsConfig");
  for (const std::string& key : {network.name, network.id})
    if (auto endpoint = endpoints.find(key); endpoint != endpoints.end() && endpoint->is_object())
      add_links(links, endpoint->value("Links", json()));
  return links;
}

std::vector<std::string> link_environment(const ContainerLink& link, const ContainerRecord& own,
                                          const ContainerRecord& target,
                                          const std::string& address) {
  const std::string prefix = variable_prefix(link.alias);
  std::vector<std::string> variables = {fmt::format("{}_NAME=/{}/{}", prefix, own.name, link.alias)};
  std::vector<std::string> ports = target.config.exposed_ports;
  std::sort(ports.begin(), ports.end());
  for (const std::string& text : ports) {
    // Only one port at a time: ranges are not of the time of links.
    if (text.find('-') != std::string::npos) continue;
    const PortName port = parse_port_name(text);
    const std::string url = fmt::format("{}://{}:{}", port.protocol, address, port.port);
    if (&text == &ports.front()) variables.push_back(fmt::format("{}_PORT={}", prefix, url));
    const std::string name =
        fmt::format("{}_PORT_{}_{}", prefix, port.port, variable_prefix(port.protocol));
    variables.push_back(fmt::format("{}={}", name, url));
    variables.push_back(fmt::format("{}_ADDR={}", name, address));
    variables.push_back(fmt::format("{}_PORT={}", name, port.port));
    variables.push_back(fmt::format("{}_PROTO={}", name, port.protocol));
  }
  for (const std::string& entry : target.config.env)
    if (!entry.starts_with("HOME=") && !entry.starts_with("PATH="))
      variables.push_back(fmt::format("{}_ENV_{}", prefix, entry));
  return variables;
}

}  // namespace ctr::daemon
