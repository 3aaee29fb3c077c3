#include "daemon/networks/ports.h"

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>
#include <set>

#include "daemon/api/json.h"
#include "runtime/network/addresses.h"
#include "runtime/sys/error.h"

namespace ctr::daemon {

using nlohmann::json;

namespace {

// Each holds a socket of the daemon's (D15).
constexpr size_t most_ports = 2048;

[[noreturn]] void refuse(std::string message) {
  throw sys::Error(sys::ErrorKind::invalid_argument, std::move(message));
}

uint16_t parse_port(std::string_view text) {
  uint16_t port = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc() || end != text.data() + text.size())
    refuse(fmt::format("invalid port specification: \"{}\"", text));
  return port;
}

struct Range {
  uint16_t first = 0, last = 0;
};

Range parse_range(std::string_view text) {
  size_t dash = text.find('-');
  Range range;
  range.first = range.last = parse_port(text.substr(0, dash));
  if (dash != std::string_view::npos) range.last = parse_port(text.substr(dash + 1));
  if (range.last < range.first) refuse(fmt::format("invalid range: \"{}\"", text));
  return range;
}

std::string expect_host_ip(const std::string& text) {
  if (text.empty()) return "";
  if (auto address = runtime::parse_ipv6(text)) return runtime::format_ipv6(*address);
  if (!runtime::parse_ipv4(text)) refuse(fmt::format("invalid IP address in a port: \"{}\"", text));
  return text;
}

PortRequest plan_binding(const PortName& name, const JsonObject& binding) {
  PortRequest request{.protocol = name.protocol,
                      .container_port = name.port,
                      .host_ip = expect_host_ip(binding.string("HostIp"))};
  std::string host_port = binding.string("HostPort");
  if (host_port.empty()) return request;
  Range range = parse_range(host_port);
  request.first = range.first;
  request.last = range.last;
  return request;
}

// "3000-3005/udp" too.
void add_exposed(std::vector<PortRequest>& requests, const std::string& text,
                 const std::set<std::string>& bound) {
  size_t slash = text.find('/');
  Range range = parse_range(std::string_view(text).substr(0, slash));
  std::string protocol = slash == std::string::npos ? "tcp" : text.substr(slash + 1);
  for (uint32_t port = range.first; port <= range.last && requests.size() <= most_ports; ++port)
    if (!bound.contains(fmt::format("{}/{}", port, protocol)))
      requests.push_back({.protocol = protocol, .container_port = static_cast<uint16_t>(port)});
}

}  // namespace

bool is_ipv6(const PublishedPort& port) { return port.host_ip.find(':') != std::string::npos; }

PortName parse_port_name(const std::string& text) {
  size_t slash = text.find('/');
  PortName name{.port = parse_port(std::string_view(text).substr(0, slash)),
                .protocol = slash == std::string::npos ? "tcp" : text.substr(slash + 1)};
  if (name.port == 0) refuse(fmt::format("invalid port specification: \"{}\"", text));
  if (name.protocol != "tcp" && name.protocol != "udp" && name.protocol != "sctp")
    refuse(fmt::format("invalid protocol \"{}\" in port specification \"{}\"", name.protocol, text));
  return name;
}

std::vector<PortRequest> plan_ports(const json& host_config,
                                    const std::vector<std::string>& exposed) {
  std::vector<PortRequest> requests;
  std::set<std::string> bound;
  JsonObject host(host_config);
  if (auto bindings = host.find_object("PortBindings"))
    for (const auto& [key, list] : bindings->value().items()) {
      PortName name = parse_port_name(key);
      for (const JsonObject& binding : bindings->objects(key)) {
        requests.push_back(plan_binding(name, binding));
        bound.insert(fmt::format("{}/{}", name.port, name.protocol));
      }
    }
  if (host.boolean("PublishAllPorts"))
    for (const std::string& text : exposed) add_exposed(requests, text, bound);
  if (requests.size() > most_ports)
    refuse(fmt::format("a container can publish at most {} ports", most_ports));
  // Who has no choice comes first: "-p 9000-9010:70" must not take what "-p 9000:90" needs.
  auto choice = [](const PortRequest& request) {
    return request.first == 0 ? uint32_t{1} << 16 : uint32_t{request.last} - request.first;
  };
  std::stable_sort(requests.begin(), requests.end(), [&](const PortRequest& a, const PortRequest& b) {
    return choice(a) < choice(b);
  });
  return requests;
}

json to_json(const std::vector<PublishedPort>& ports) {
  json list = json::array();
  for (const PublishedPort& port : ports)
    list.push_back({{"protocol", port.protocol},
                    {"host_ip", port.host_ip},
                    {"host_port", port.host_port},
                    {"container_port", port.container_port}});
  return list;
}

std::vector<PublishedPort> parse_published_ports(const json& ports) {
  std::vector<PublishedPort> list;
  for (const json& port : ports)
    list.push_back({.protocol = port.at("protocol").get<std::string>(),
                    .host_ip = port.at("host_ip").get<std::string>(),
                    .host_port = port.at("host_port").get<uint16_t>(),
                    .container_port = port.at("container_port").get<uint16_t>()});
  return list;
}

}  // namespace ctr::daemon
