// From what a request and an image want mounted (-v, --mount, --tmpfs, VOLUME, --volumes-from) to
// the list of mount points of a container. Pure: directories are made elsewhere. Runs in: ctrd.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "daemon/container_record.h"

namespace ctr::daemon {

struct MountPlanInput {
  const ContainerConfig& config;
  const HostConfig& host;
  // The mount points of another container, for --volumes-from; throws if there is none.
  std::function<std::vector<MountPoint>(const std::string&)> mounts_of = {};
};

// In the order in which they must be mounted: a path before what is below it. Volumes have no
// source yet, anonymous ones no name either. Throws Error{invalid_argument} with Docker's texts.
std::vector<MountPoint> plan_mount_points(const MountPlanInput& input);

// One of -v: "SOURCE:DESTINATION[:MODE]", or a destination alone.
MountPoint parse_bind(const std::string& text);

// Throws Error{invalid_argument} for a word that is no option of a tmpfs.
void check_tmpfs_options(const std::string& text);

bool is_valid_volume_name(std::string_view name);
void check_volume_name(const std::string& name);  // throws Error{invalid_argument}, Docker's text

}  // namespace ctr::daemon
