#include "daemon/name_lookup.h"

#include <algorithm>
#include <random>

#include "daemon/container_links.h"
#include "runtime/network/addresses.h"

namespace ctr::daemon {

namespace {

std::string lower(std::string text) {
  for (char& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return text;
}

// A neighbour on one network.
struct Neighbour {
  std::string name;                // of its container
  std::vector<std::string> names;  // all of them, in lower case
  uint32_t address = 0;
  std::optional<runtime::Ipv6Address> address6{};
};

std::optional<Neighbour> find_neighbour(Containers& containers, const EndpointSettings& endpoint) {
  std::shared_ptr<Container> container = containers.find_by_id(endpoint.container_id);
  std::optional<uint32_t> address = runtime::parse_ipv4(endpoint.ip);
  if (!container || !address) return std::nullopt;
  Neighbour neighbour{.name = {},
                      .names = {short_id(endpoint.container_id)},
                      .address = *address,
                      .address6 = runtime::parse_ipv6(endpoint.ip6)};
  {
    std::lock_guard lock(container->mutex);
    neighbour.name = container->record.name;
    neighbour.names.push_back(lower(container->record.name));
    if (!container->record.managed_hostname)
      neighbour.names.push_back(lower(container->record.config.hostname));
  }
  for (const std::string& alias : endpoint.aliases) neighbour.names.push_back(lower(alias));
  return neighbour;
}

// "web.blue" on the network "blue" is "web".
bool is_called(const Neighbour& neighbour, const std::string& asked, const std::string& network) {
  return std::any_of(neighbour.names.begin(), neighbour.names.end(), [&](const std::string& name) {
    return asked == name || asked == name + "." + network;
  });
}

// The names that a container has for its neighbours by itself, on one network.
void add_links(Containers& containers, Neighbour& neighbour, const std::string& neighbour_id,
               const std::vector<ContainerLink>& links) {
  for (const ContainerLink& link : links) {
    std::shared_ptr<Container> target = containers.find(link.target);
    if (target && target->id == neighbour_id) neighbour.names.push_back(lower(link.alias));
  }
}

// Who asks again and again finds another one first: the least that balances.
template <class Address>
void shuffle(std::vector<Address>& addresses) {
  static thread_local std::minstd_rand random(std::random_device{}());
  std::shuffle(addresses.begin(), addresses.end(), random);
}

std::vector<ContainerLink> links_in(Containers& containers, const std::string& container_id,
                                    const Network& network) {
  std::shared_ptr<Container> container = containers.find_by_id(container_id);
  if (!container) return {};
  std::lock_guard lock(container->mutex);
  return links_of(container->record, network);
}

}  // namespace

dns::Knowledge look_up_name(Containers& containers, const std::string& container_id,
                            const dns::Query& query, const std::vector<std::string>& resolvers) {
  Networks& networks = containers.networks();
  dns::Knowledge knowledge{.answer = {}, .may_ask_outside = false, .resolvers = resolvers};
  if (auto container = containers.find_by_id(container_id)) {
    std::lock_guard lock(container->mutex);
    if (!container->record.host.dns.empty()) knowledge.resolvers = container->record.host.dns;
  }
  const std::optional<uint32_t> reverse =
      query.type == dns::type_ptr ? dns::parse_reverse_name(query.name) : std::nullopt;
  const std::optional<runtime::Ipv6Address> reverse6 =
      query.type == dns::type_ptr ? dns::parse_reverse_name6(query.name) : std::nullopt;
  dns::Answer answer;
  bool known = false;
  for (const EndpointSettings& own : networks.endpoints_of(container_id)) {
    if (!own.gateway.empty()) knowledge.may_ask_outside = true;
    std::optional<Network> network = networks.find(own.network_id);
    if (!network || network->predefined) continue;
    const std::vector<ContainerLink> links = links_in(containers, container_id, *network);
    for (const EndpointSettings& endpoint : networks.endpoints_in(network->id)) {
      std::optional<Neighbour> neighbour = find_neighbour(containers, endpoint);
      if (!neighbour) continue;
      add_links(containers, *neighbour, endpoint.container_id, links);
      if ((reverse && *reverse == neighbour->address) ||
          (reverse6 && reverse6 == neighbour->address6))
        answer.names.push_back(neighbour->name + "." + network->name);
      if (!is_called(*neighbour, query.name, lower(network->name))) continue;
      known = true;
      if (query.type == dns::type_a) answer.addresses.push_back(neighbour->address);
      if (query.type == dns::type_aaaa && neighbour->address6)
        answer.addresses6.push_back(*neighbour->address6);
    }
  }
  shuffle(answer.addresses);
  shuffle(answer.addresses6);
  // A name that we know has no addresses of other kinds, and nobody else is asked for them.
  if (known || !answer.names.empty()) knowledge.answer = std::move(answer);
  return knowledge;
}

}  // namespace ctr::daemon
