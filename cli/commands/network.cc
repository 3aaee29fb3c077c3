// ctr network: create, ls, connect, disconnect, rm. (inspect and prune are with their like.)
#include <CLI/App.hpp>
#include <algorithm>
#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "cli/create_request.h"
#include "cli/document.h"
#include "cli/filter.h"
#include "cli/format.h"
#include "cli/human.h"

namespace ctr::cli {

namespace {

using nlohmann::json;

struct CreateOptions {
  std::string name;
  std::string driver = "bridge";
  std::vector<std::string> subnets, gateways, ip_ranges;
  std::vector<std::string> labels, driver_options, aux_addresses;
  bool attachable = false, internal = false, ipv6 = false;
};

bool is_ipv6(const std::string& text) { return text.find(':') != std::string::npos; }

// The subnet's configuration that an address or a range belongs to: of its family there is one.
json& configuration_for(json& configurations, const std::string& text, const char* flag) {
  for (json& configuration : configurations)
    if (is_ipv6(configuration["Subnet"]) == is_ipv6(text)) return configuration;
  throw sys::Error(sys::ErrorKind::invalid_argument,
                   fmt::format("{} {} needs a --subnet that it lies in", flag, text));
}

json network_request(const CreateOptions& options) {
  json configurations = json::array();
  for (const std::string& subnet : options.subnets) configurations.push_back({{"Subnet", subnet}});
  for (const std::string& gateway : options.gateways)
    configuration_for(configurations, gateway, "--gateway")["Gateway"] = gateway;
  for (const std::string& range : options.ip_ranges)
    configuration_for(configurations, range, "--ip-range")["IPRange"] = range;
  const json auxiliary = key_values(options.aux_addresses, "--aux-address");
  for (auto entry = auxiliary.begin(); entry != auxiliary.end(); ++entry)
    configuration_for(configurations, entry.value(), "--aux-address")["AuxiliaryAddresses"][entry.key()] =
        entry.value();
  const json ipam = {{"Driver", "default"}, {"Config", configurations}};
  return {{"Name", options.name},
          {"Driver", options.driver},
          {"CheckDuplicate", true},
          {"Attachable", options.attachable},
          {"Internal", options.internal},
          {"EnableIPv6", options.ipv6},
          {"IPAM", ipam},
          {"Options", key_values(options.driver_options, "-o, --opt")},
          {"Labels", key_values(options.labels, "--label")}};
}

constexpr Heading headings[] = {
    {"ID", "NETWORK ID"}, {"Name", "NAME"}, {"Driver", "DRIVER"},
    {"Scope", "SCOPE"},   {"IPv6", "IPV6"}, {"Internal", "INTERNAL"},
    {"Labels", "LABELS"}, {"Label", ""},    {"CreatedAt", "CREATED AT"}};

struct ListOptions {
  bool quiet = false;
  bool no_trunc = false;
  std::vector<std::string> filters;
  std::string format;
};

Json network_row(const Json& network, bool truncate) {
  const Json& labels = member(network, "Labels");
  std::vector<std::string> texts;
  for (auto label = labels.begin(); labels.is_object() && label != labels.end(); ++label)
    texts.push_back(label.key() + "=" + label->get<std::string>());
  std::string id = text_member(network, "Id");
  return {{"ID", truncate ? short_id(id) : id},
          {"Name", text_member(network, "Name")},
          {"Driver", text_member(network, "Driver")},
          {"Scope", text_member(network, "Scope")},
          {"IPv6", flag_member(network, "EnableIPv6") ? "true" : "false"},
          {"Internal", flag_member(network, "Internal") ? "true" : "false"},
          {"Labels", fmt::format("{}", fmt::join(texts, ","))},
          {"Label", labels.is_object() ? labels : Json::object()},
          {"CreatedAt", text_member(network, "Created")}};
}

void list_networks(Context& context, const ListOptions& options) {
  ListFormat format(options.quiet ? "{{.ID}}" : options.format,
                    "{{.ID}}\t{{.Name}}\t{{.Driver}}\t{{.Scope}}");
  Query query;
  if (std::string filters = filters_json(options.filters); !filters.empty())
    query.add("filters", filters);
  Json networks =
      parse_document(context.client().call({.target = "/networks" + query.text()}).body);
  std::vector<Json> rows;
  for (const Json& network : networks) rows.push_back(network_row(network, !options.no_trunc));
  std::sort(rows.begin(), rows.end(), [](const Json& a, const Json& b) {
    return text_member(a, "Name") < text_member(b, "Name");
  });
  context.out(format.print(headings, rows));
}

struct ConnectOptions {
  std::string network, container;
  std::string ip, ip6, mac_address;
  std::vector<std::string> aliases, links, driver_options;
  int64_t gateway_priority = 0;
  bool force = false;
};

void connect(Context& context, const ConnectOptions& options) {
  json endpoint = json::object();
  if (!options.ip.empty()) endpoint["IPAMConfig"]["IPv4Address"] = options.ip;
  if (!options.ip6.empty()) endpoint["IPAMConfig"]["IPv6Address"] = options.ip6;
  if (!options.mac_address.empty()) endpoint["MacAddress"] = options.mac_address;
  if (!options.aliases.empty()) endpoint["Aliases"] = options.aliases;
  if (!options.links.empty()) endpoint["Links"] = options.links;
  if (options.gateway_priority != 0) endpoint["GwPriority"] = options.gateway_priority;
  if (!options.driver_options.empty())
    endpoint["DriverOpts"] = key_values(options.driver_options, "--driver-opt");
  context.client().post_json("/networks/" + percent_encode(options.network) + "/connect",
                             {{"Container", options.container}, {"EndpointConfig", endpoint}});
}

void disconnect(Context& context, const ConnectOptions& options) {
  context.client().post_json("/networks/" + percent_encode(options.network) + "/disconnect",
                             {{"Container", options.container}, {"Force", options.force}});
}

struct RemoveOptions {
  bool force = false;
  std::vector<std::string> names;
};

int remove_networks(Context& context, const RemoveOptions& options) {
  int code = 0;
  for (const std::string& name : options.names) {
    try {
      context.client().remove("/networks/" + percent_encode(name));
      context.out_line(name);
    } catch (const sys::Error& error) {
      bool as_good = options.force && error.kind() == sys::ErrorKind::not_found;
      if (as_good) continue;
      context.report(error);
      code = 1;
    }
  }
  return code;
}

}  // namespace

void add_network_create(CLI::App& parent, Context& context, std::string name) {
  auto o = std::make_shared<CreateOptions>();
  CLI::App* command = parent.add_subcommand(name, "Create a network");
  command->add_option("-d,--driver", o->driver, "Driver: bridge")->type_name("DRIVER");
  command
      ->add_option("--subnet", o->subnets,
                   "Addresses, such as 10.1.0.0/16; one of IPv6, too, with --ipv6")
      ->type_name("SUBNET");
  command->add_option("--gateway", o->gateways, "The host's address in it")
      ->type_name("ADDRESS");
  command->add_option("--ip-range", o->ip_ranges, "Part of the subnet that containers get theirs of")
      ->type_name("SUBNET");
  command->add_option("--aux-address", o->aux_addresses, "An address that no container gets")
      ->type_name("NAME=ADDRESS");
  command->add_flag("--internal", o->internal, "No way out of it");
  command->add_flag("--attachable", o->attachable,
                    "Kept and shown; it says something of swarms only");
  command->add_flag("--ipv6", o->ipv6, "IPv6 addresses as well");
  command->add_option("--label", o->labels, "Set a label")->type_name("KEY=VALUE");
  command->add_option("-o,--opt", o->driver_options, "Option of the driver")
      ->type_name("KEY=VALUE");
  command->add_option("NETWORK", o->name)->required();
  command->callback([&context, o] {
    json answer = context.client().post_json("/networks/create", network_request(*o));
    context.out_line(answer.at("Id").get<std::string>());
  });
}

void add_network_ls(CLI::App& parent, Context& context, std::string name) {
  auto options = std::make_shared<ListOptions>();
  CLI::App* command = parent.add_subcommand(name, "List networks");
  command
      ->add_option("-f,--filter", options->filters,
                   "Show only those that match, as driver=bridge, label=x, name=x")
      ->type_name("FILTER");
  command
      ->add_option("--format", options->format,
                   "Format output: 'table', 'table TEMPLATE', 'json' or a Go TEMPLATE")
      ->type_name("FORMAT");
  command->add_flag("--no-trunc", options->no_trunc, "Don't truncate output");
  command->add_flag("-q,--quiet", options->quiet, "Only display network IDs");
  command->callback([&context, options] { list_networks(context, *options); });
}

void add_network_connect(CLI::App& parent, Context& context, std::string name) {
  auto o = std::make_shared<ConnectOptions>();
  CLI::App* command = parent.add_subcommand(name, "Connect a container to a network");
  command->add_option("--ip", o->ip, "IPv4 address")->type_name("ADDRESS");
  command->add_option("--ip6", o->ip6, "IPv6 address")->type_name("ADDRESS");
  command->add_option("--mac-address", o->mac_address, "MAC address")->type_name("ADDRESS");
  command->add_option("--alias", o->aliases, "One more name there")->type_name("NAME");
  command->add_option("--link", o->links, "Know another container by a name")
      ->type_name("CONTAINER[:ALIAS]");
  command->add_option("--driver-opt", o->driver_options, "Option of the driver")
      ->type_name("KEY=VALUE");
  command
      ->add_option("--gw-priority", o->gateway_priority,
                   "The network of the highest has the way out, and published ports lead in there")
      ->type_name("N");
  command->add_option("NETWORK", o->network)->required();
  command->add_option("CONTAINER", o->container)->required();
  command->callback([&context, o] { connect(context, *o); });
}

void add_network_disconnect(CLI::App& parent, Context& context, std::string name) {
  auto o = std::make_shared<ConnectOptions>();
  CLI::App* command = parent.add_subcommand(name, "Disconnect a container from a network");
  command->add_flag("-f,--force", o->force, "Also where the container is gone");
  command->add_option("NETWORK", o->network)->required();
  command->add_option("CONTAINER", o->container)->required();
  command->callback([&context, o] { disconnect(context, *o); });
}

void add_network_rm(CLI::App& parent, Context& context, std::string name) {
  auto options = std::make_shared<RemoveOptions>();
  CLI::App* command =
      parent.add_subcommand(name, "Remove networks that no container is connected to");
  command->add_flag("-f,--force", options->force, "One that is not there is as good as removed");
  command->add_option("NETWORK", options->names)->required();
  command->callback(
      [&context, options] { context.exit_code = remove_networks(context, *options); });
}

}  // namespace ctr::cli
