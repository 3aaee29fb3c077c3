// A container's cgroup as a transient scope of systemd (systemd.scope(5),
// org.freedesktop.systemd1(5)), for callers that want every cgroup to be known there: --systemd-cgroup,
// which podman, dockerd and the kubelet give where systemd runs. systemd makes the cgroup and delegates
// it; the limits that it keeps itself are told it too, so that its next reload does not reset them, and all
// are then written by runtime/cgroup as without it.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "runtime/spec.h"
#include "runtime/sys/process.h"

namespace ctr::runtime::oci {

struct ScopeName {
  std::string slice;  // "machine.slice"; empty: systemd's default
  std::string unit;   // "libpod-<id>.scope"
  bool operator==(const ScopeName&) const = default;
};

// linux.cgroupsPath as the callers of --systemd-cgroup write it, "slice:prefix:name"; an empty one is
// "system.slice:ctr:<id>". Error{invalid_argument}.
ScopeName plan_scope_name(const std::string& cgroups_path, const std::string& id);

// A property of a unit as busctl(1) takes it: name, D-Bus type, and the words of its value.
using UnitProperty = std::vector<std::string>;

// The limits that systemd keeps, in its units; `unified`: by the names of cgroup v2.
std::vector<UnitProperty> plan_limit_properties(const Resources& resources, bool unified);

// Annotations "org.systemd.property.NAME" with a value in GVariant's text form ("uint64 5000000",
// "'text'", "true"); a NAME in "…Sec" is in seconds. Error{invalid_argument} for what is no such value.
std::vector<UnitProperty> plan_annotated_properties(
    const std::map<std::string, std::string>& annotations);

// A running scope whose only process is one of ours, which keeps the place until the container is in it.
// systemd removes the scope when its last process has ended: whatever happens to us leaves nothing.
class SystemdScope {
 public:
  // Returns when systemd has made it. Error{unsupported} where systemd does not run,
  // Error{conflict} if there is a unit of that name.
  static SystemdScope start(const ScopeName& name, const ContainerSpec& spec);

  SystemdScope(SystemdScope&& other) noexcept { *this = std::move(other); }
  SystemdScope& operator=(SystemdScope&& other) noexcept {
    std::swap(placeholder_, other.placeholder_);
    std::swap(cgroup_path_, other.cgroup_path_);
    return *this;
  }
  ~SystemdScope();

  // "/machine.slice/libpod-<id>.scope", below the root of each hierarchy.
  const std::string& cgroup_path() const { return cgroup_path_; }

 private:
  SystemdScope() = default;
  sys::Process placeholder_;
  std::string cgroup_path_;
};

// Tells systemd of limits that change.
void update_scope(const std::string& unit, const Resources& resources);

}  // namespace ctr::runtime::oci
