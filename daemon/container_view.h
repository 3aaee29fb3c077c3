// Containers as the API shows them: inspect and list. Runs in: ctrd.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include <map>
#include <string>
#include <vector>

#include "daemon/containers.h"

namespace ctr::daemon {

struct InspectInput {
  const ContainerSnapshot& container;
  std::vector<EndpointSettings> endpoints;
  // Of a container that has ended: the networks that it will be in again, name → id.
  std::map<std::string, std::string> network_ids;
  std::vector<std::string> exec_ids;
  image::Snapshot snapshot;
  std::string directory;       // below the data root
  std::string exec_directory;  // hosts, hostname and resolv.conf are in there while it runs
  std::string log_path;
  std::string apparmor_profile;
  std::string image_digest;  // of the manifest; empty if the image is gone
  int api_minor = 51;  // of the API version 1.N that the client speaks
  bool with_size = false;
  uint64_t size_rw = 0;
  uint64_t size_root = 0;
};
nlohmann::json inspect_json(const InspectInput& input);

struct ListInput {
  const ContainerSnapshot& container;
  std::vector<EndpointSettings> endpoints;
  // Of a container that has ended: the networks that it will be in again, name → id.
  std::map<std::string, std::string> network_ids;
  std::string image_name;  // what the user called it, its id if that names another image by now
  int api_minor = 51;  // of the API version 1.N that the client speaks
  bool with_size = false;
  uint64_t size_rw = 0;
  uint64_t size_root = 0;
  sys::Timestamp now = 0;
};
nlohmann::json list_json(const ListInput& input);

nlohmann::json mount_point_json(const MountPoint& mount);

}  // namespace ctr::daemon
