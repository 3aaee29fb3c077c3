// ctr port: where a container's ports are reached on the host.
#include <CLI/App.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <charconv>

#include "cli/commands.h"
#include "cli/commands/container_rows.h"
#include "cli/document.h"

namespace ctr::cli {

namespace {

struct PortOptions {
  std::string container;
  std::string port;
};

// "80" is "80/tcp". Throws for what is no port.
std::string parse_private_port(const std::string& text) {
  size_t slash = std::min(text.find('/'), text.size());
  unsigned short number = 0;
  const char* end = text.data() + slash;
  auto [stop, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || stop != end)
    throw sys::Error(sys::ErrorKind::invalid_argument,
                     fmt::format("invalid port \"{}\": give a number, or one as 80/udp", text));
  std::string protocol = slash < text.size() ? text.substr(slash + 1) : "tcp";
  return fmt::format("{}/{}", number, protocol);
}

std::vector<std::string> addresses(const Json& bindings) {
  std::vector<std::string> lines;
  if (!bindings.is_array()) return lines;
  for (const Json& binding : bindings) {
    std::string host = text_member(binding, "HostIp"), port = text_member(binding, "HostPort");
    bool is_v6 = host.find(':') != std::string::npos;
    lines.push_back((is_v6 ? "[" + host + "]" : host) + ":" + port);
  }
  return lines;
}

// "80/tcp" before "443/tcp"
bool comes_before(const std::string& a, const std::string& b) {
  auto number = [](const std::string& port) {
    int value = 0;
    std::from_chars(port.data(), port.data() + port.size(), value);
    return value;
  };
  return number(a) != number(b) ? number(a) < number(b) : a < b;
}

void show_all(Context& context, const Json& ports) {
  std::vector<std::string> names;
  if (!ports.is_object()) return;
  for (const auto& [name, bindings] : ports.items()) names.push_back(name);
  std::sort(names.begin(), names.end(), comes_before);
  for (const std::string& name : names)
    for (const std::string& address : addresses(member(ports, name)))
      context.out_line(name + " -> " + address);
}

void show_ports(Context& context, const PortOptions& options) {
  std::string wanted = options.port.empty() ? "" : parse_private_port(options.port);
  std::string target = "/containers/" + percent_encode(options.container) + "/json";
  Json container = parse_document(context.client().call({.target = target}).body);
  const Json& ports = member(member(container, "NetworkSettings"), "Ports");
  if (wanted.empty()) return show_all(context, ports);
  std::vector<std::string> lines = addresses(member(ports, wanted));
  if (lines.empty())
    throw sys::Error(sys::ErrorKind::not_found, fmt::format("No public port '{}' published for {}",
                                                            options.port, options.container));
  for (const std::string& line : lines) context.out_line(line);
}

}  // namespace

void add_port(CLI::App& parent, Context& context, std::string name) {
  auto options = std::make_shared<PortOptions>();
  CLI::App* command =
      parent.add_subcommand(name, "List port mappings or a specific mapping for the container");
  command->add_option("CONTAINER", options->container)->required();
  command->add_option("PRIVATE_PORT[/PROTO]", options->port);
  command->callback([&context, options] { show_ports(context, *options); });
}

}  // namespace ctr::cli
