// The PORTS column.
#include <algorithm>
#include <nlohmann/json.hpp>
#include <tuple>

#include <fmt/format.h>

#include "cli/commands/container_rows.h"
#include "cli/document.h"

namespace ctr::cli {

namespace {

struct Port {
  int64_t inside = 0;
  std::string ip;
  int64_t outside = 0;
  std::string protocol;

  auto order() const { return std::tie(inside, ip, outside, protocol); }
};

// Neighbouring ports that are shown alike, apart from their numbers.
struct Range {
  std::string ip;
  std::string protocol;
  int64_t first = 0;
  int64_t last = 0;
};

std::vector<Port> read_ports(const Json& list) {
  std::vector<Port> ports;
  if (!list.is_array()) return ports;
  for (const Json& port : list)
    ports.push_back({number_member(port, "PrivatePort"), text_member(port, "IP"),
                     number_member(port, "PublicPort"), text_member(port, "Type")});
  std::sort(ports.begin(), ports.end(),
            [](const Port& a, const Port& b) { return a.order() < b.order(); });
  return ports;
}

std::string describe(const Range& range) {
  std::string numbers = std::to_string(range.first);
  if (range.last != range.first) numbers += fmt::format("-{}", range.last);
  if (range.ip.empty()) return fmt::format("{}/{}", numbers, range.protocol);
  bool is_v6 = range.ip.find(':') != std::string::npos;
  std::string ip = is_v6 ? "[" + range.ip + "]" : range.ip;
  return fmt::format("{}:{}->{}/{}", ip, numbers, numbers, range.protocol);
}

}  // namespace

std::string join_host_port(const std::string& host, int64_t port) {
  bool is_v6 = host.find(':') != std::string::npos;
  return is_v6 ? fmt::format("[{}]:{}", host, port) : fmt::format("{}:{}", host, port);
}

std::string describe_ports(const Json& list) {
  std::vector<Range> ranges;
  std::vector<std::string> finished, mapped;
  for (const Port& port : read_ports(list)) {
    if (!port.ip.empty() && port.outside != port.inside) {
      mapped.push_back(fmt::format("{}->{}/{}", join_host_port(port.ip, port.outside), port.inside,
                                   port.protocol));
      continue;
    }
    auto same = [&](const Range& range) {
      return range.ip == port.ip && range.protocol == port.protocol;
    };
    auto range = std::find_if(ranges.begin(), ranges.end(), same);
    if (range == ranges.end()) {
      ranges.push_back({port.ip, port.protocol, port.inside, port.inside});
    } else if (port.inside == range->last + 1) {
      range->last = port.inside;
    } else {
      finished.push_back(describe(*range));
      range->first = range->last = port.inside;
    }
  }
  for (const Range& range : ranges) finished.push_back(describe(range));
  finished.insert(finished.end(), mapped.begin(), mapped.end());
  return fmt::format("{}", fmt::join(finished, ", "));
}

}  // namespace ctr::cli
