#include "daemon/container_filters.h"

#include <algorithm>
#include <charconv>

#include "runtime/sys/error.h"

namespace ctr::daemon {

namespace {

[[noreturn]] void invalid(std::string_view name, std::string_view value) {
  throw sys::Error(sys::ErrorKind::invalid_argument,
                   fmt::format("invalid filter '{}=[{}]'", name, value));
}

int parse_exit_code(const std::string& text) {
  int code = 0;
  auto end = std::from_chars(text.data(), text.data() + text.size(), code);
  if (end.ec != std::errc() || end.ptr != text.data() + text.size()) invalid("exited", text);
  return code;
}

template <class Predicate>
bool any_value(const Filters& filters, std::string_view name, Predicate predicate) {
  if (!filters.has(name)) return true;
  const std::vector<std::string>& values = filters.values(name);
  return std::any_of(values.begin(), values.end(), predicate);
}

std::string with_protocol(const std::string& port) {
  return port.find('/') == std::string::npos ? port + "/tcp" : port;
}

// "8080", "8080/tcp", "8000-8080/udp": the value of a filter for ports.
struct PortRange {
  int first = 0;
  int last = 0;
  std::string protocol{};
};

PortRange parse_ports(std::string_view filter, const std::string& value) {
  const std::string text = with_protocol(value);
  const size_t slash = text.find('/');
  PortRange range{.protocol = text.substr(slash + 1)};
  const char* const end = text.data() + slash;
  auto first = std::from_chars(text.data(), end, range.first);
  range.last = range.first;
  if (first.ec == std::errc() && first.ptr != end && *first.ptr == '-')
    first = std::from_chars(first.ptr + 1, end, range.last);
  if (first.ec != std::errc() || first.ptr != end || range.last < range.first ||
      range.last > 65535)
    invalid(filter, value);
  return range;
}

// Whether one of the ports ("80/tcp", "53") is in the range.
bool is_any_in(const PortRange& range, const std::vector<std::string>& ports) {
  return std::any_of(ports.begin(), ports.end(), [&](const std::string& port) {
    const std::string text = with_protocol(port);
    int number = 0;
    std::from_chars(text.data(), text.data() + text.find('/'), number);
    return number >= range.first && number <= range.last &&
           text.substr(text.find('/') + 1) == range.protocol;
  });
}

}  // namespace

ContainerFilter::ContainerFilter(const Filters& filters, FilterFacts facts)
    : filters_(filters), facts_(std::move(facts)) {
  filters_.expect_only({"ancestor", "before", "exited", "expose", "health", "id", "isolation",
                        "is-task", "label", "label!", "name", "network", "publish", "since",
                        "status", "volume"});
  for (const std::string& value : filters_.values("status"))
    if (!find_status(value)) invalid("status", value);
  for (const std::string& value : filters_.values("exited")) parse_exit_code(value);
  for (const std::string& value : filters_.values("health"))
    if (value != "none" && value != "starting" && value != "healthy" && value != "unhealthy")
      invalid("health", value);
  for (const char* name : {"expose", "publish"})
    for (const std::string& value : filters_.values(name)) (void)parse_ports(name, value);
  filters_.find_bool("is-task");
  for (const std::string& value : filters_.values("before")) {
    sys::Timestamp created = facts_.get_container(value).created;
    created_before_ = std::max(created_before_.value_or(created), created);
  }
  for (const std::string& value : filters_.values("since")) {
    sys::Timestamp created = facts_.get_container(value).created;
    created_since_ = std::min(created_since_.value_or(created), created);
  }
  for (const std::string& value : filters_.values("ancestor"))
    if (std::optional<std::string> id = facts_.find_image(value)) ancestors_.push_back(*id);
}

bool ContainerFilter::implies_all() const {
  return filters_.has("status");
}

bool ContainerFilter::matches(const ContainerSnapshot& container) const {
  const ContainerRecord& record = container.record;
  if (created_before_ && record.created >= *created_before_) return false;
  if (created_since_ && record.created <= *created_since_) return false;
  bool named = filters_.matches_pattern("name", record.name) ||
               filters_.matches_pattern("name", "/" + record.name);
  bool without_labels =
      !filters_.has("label!") || !filters_.matches_labels("label!", record.config.labels);
  return named && without_labels && filters_.matches_prefix("id", record.id) &&
         filters_.matches_labels("label", record.config.labels) && matches_state(container.live) &&
         matches_ancestor(record) && matches_mounts(record) && matches_ports(record) &&
         matches_network(record);
}

bool ContainerFilter::matches_state(const LiveRecord& live) const {
  bool ended = live.state.started_at != sys::zero_time && !live.state.running();
  return any_value(
             filters_, "status",
             [&](const std::string& value) { return find_status(value) == live.state.status; }) &&
         any_value(filters_, "exited",
                   [&](const std::string& value) {
                     return ended && parse_exit_code(value) == live.state.exit_code;
                   }) &&
         any_value(filters_, "health",
                   [&](const std::string& value) {
                     return value == (live.health.status.empty() ? "none" : live.health.status);
                   }) &&
         // None is a swarm's task.
         filters_.find_bool("is-task") != true;
}

bool ContainerFilter::matches_ancestor(const ContainerRecord& record) const {
  return !filters_.has("ancestor") ||
         std::find(ancestors_.begin(), ancestors_.end(), record.image_id) != ancestors_.end();
}

bool ContainerFilter::matches_mounts(const ContainerRecord& record) const {
  return any_value(filters_, "volume", [&](const std::string& value) {
    return std::any_of(record.mounts.begin(), record.mounts.end(), [&](const MountPoint& mount) {
      return mount.name == value || mount.destination == value || mount.source == value;
    });
  });
}

bool ContainerFilter::matches_ports(const ContainerRecord& record) const {
  return any_value(filters_, "expose",
                   [&](const std::string& value) {
                     return is_any_in(parse_ports("expose", value), record.config.exposed_ports);
                   }) &&
         any_value(filters_, "publish", [&](const std::string& value) {
           return is_any_in(parse_ports("publish", value), facts_.published_by(record));
         });
}

bool ContainerFilter::matches_network(const ContainerRecord& record) const {
  if (!filters_.has("network")) return true;
  std::vector<std::string> networks = facts_.networks_of(record);
  return any_value(filters_, "network", [&](const std::string& value) {
    return std::any_of(networks.begin(), networks.end(), [&](const std::string& network) {
      return network == value || (network.size() == 64 && network.starts_with(value));
    });
  });
}

}  // namespace ctr::daemon
