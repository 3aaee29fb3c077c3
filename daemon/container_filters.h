// `docker ps --filter`: which containers a client wants to see. Pure. Runs in: ctrd.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "daemon/api/filters.h"
#include "daemon/containers.h"

namespace ctr::daemon {

// What a filter may ask beyond the container itself.
struct FilterFacts {
  // The container that a name or id of "before" and "since" means; throws Error{not_found}.
  std::function<ContainerRecord(const std::string&)> get_container;
  // The image that "ancestor" means, by id; nullopt if there is none, which then matches nothing.
  std::function<std::optional<std::string>(const std::string&)> find_image;
  // Ids and names of the networks that a container is in, or will be.
  std::function<std::vector<std::string>(const ContainerRecord&)> networks_of;
  // Ports of the host ("8080/tcp") that lead to it now.
  std::function<std::vector<std::string>(const ContainerRecord&)> published_by;
};

class ContainerFilter {
 public:
  // Throws Error{invalid_argument} "invalid filter 'x'".
  ContainerFilter(const Filters& filters, FilterFacts facts);

  bool matches(const ContainerSnapshot& container) const;
  // A filter for a state shows containers in it without `all`; no other does.
  bool implies_all() const;

 private:
  bool matches_state(const LiveRecord& live) const;
  bool matches_mounts(const ContainerRecord& record) const;
  bool matches_ports(const ContainerRecord& record) const;
  bool matches_network(const ContainerRecord& record) const;
  bool matches_ancestor(const ContainerRecord& record) const;

  Filters filters_;
  FilterFacts facts_;
  std::optional<sys::Timestamp> created_before_;
  std::optional<sys::Timestamp> created_since_;
  std::vector<std::string> ancestors_;  // image ids
};

}  // namespace ctr::daemon
