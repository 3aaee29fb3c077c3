// --link: names that one container has for others. On a network that users made the name server answers
// them (name_lookup.h); on the default bridge, which has no names, they stand in /etc/hosts and in variables
// of the environment, as they were when the container started. Pure.
#pragma once

#include <string>
#include <vector>

#include "daemon/container_record.h"
#include "daemon/networks/networks.h"

namespace ctr::daemon {

struct ContainerLink {
  std::string target;  // name or id of the other container
  std::string alias;
};

// "web:db", "web" (which is its own alias), and the form in which inspect shows them, "/web:/me/db".
// Error{invalid_argument} "bad format for links: …".
ContainerLink parse_link(const std::string& text);

// What inspect shows: "/web:/me/db".
std::string format_link(const ContainerLink& link, const std::string& own_name);

// Whether a network is the one that the container's network mode names.
bool is_mode(const ContainerRecord& record, const Network& network);

// A container's links on one of its networks.
std::vector<ContainerLink> links_of(const ContainerRecord& record, const Network& network);

// Docker's variables for a linked container: DB_NAME, DB_PORT, DB_PORT_80_TCP_ADDR …, DB_ENV_….
std::vector<std::string> link_environment(const ContainerLink& link, const ContainerRecord& own,
                                          const ContainerRecord& target,
                                          const std::string& address);

}  // namespace ctr::daemon
