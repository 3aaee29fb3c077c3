#include "runtime/oci/config.h"

#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <memory>

#include "runtime/cgroup/device_rules.h"
#include "runtime/spec_json.h"
#include "runtime/sys/error.h"
#include "runtime/sys/file.h"
#include "runtime/sys/path.h"

namespace ctr::runtime::oci {

namespace {

using sys::Error;
using sys::ErrorKind;

constexpr size_t config_limit = 16 << 20;

struct StandardDevice {
  const char* path;
  int64_t major;
  int64_t minor;
};
// Those that every container has (runtime specification, "Default Devices"); the links and the
// console are made by init.
constexpr std::array<StandardDevice, 6> standard_devices = {{{"/dev/null", 1, 3},
                                                             {"/dev/zero", 1, 5},
                                                             {"/dev/full", 1, 7},
                                                             {"/dev/random", 1, 8},
                                                             {"/dev/urandom", 1, 9},
                                                             {"/dev/tty", 5, 0}}};

std::string absolute(const std::string& path, const std::string& base) {
  return path.empty() || path[0] == '/' ? path : base + "/" + path;
}

std::string canonical(const std::string& path) {
  std::unique_ptr<char, void (*)(void*)> resolved(::realpath(path.c_str(), nullptr), ::free);
  if (!resolved) {
    const int error = errno;
    throw Error(ErrorKind::not_found,
                fmt::format("bundle '{}': {}", path, sys::errno_text(error)), error);
  }
  return resolved.get();
}

bool is_bind(const Mount& mount) {
  return mount.type == "bind" ||
         std::any_of(mount.options.begin(), mount.options.end(),
                     [](const std::string& option) { return option == "bind" || option == "rbind"; });
}

void complete_mounts(std::vector<Mount>& mounts, const std::string& bundle) {
  for (Mount& mount : mounts) {
    if (!mount.destination.empty() && mount.destination[0] != '/')
      mount.destination = "/" + mount.destination;
    if (!is_bind(mount)) continue;
    mount.type = "bind";
    mount.source = absolute(mount.source, bundle);
  }
}

void complete_devices(std::vector<Device>& devices) {
  for (const StandardDevice& standard : standard_devices) {
    const bool is_given =
        std::any_of(devices.begin(), devices.end(), [&](const Device& device) {
          return sys::clean_path(device.path) == standard.path;
        });
    if (is_given) continue;
    devices.push_back({.path = standard.path, .major = standard.major, .minor = standard.minor});
  }
}

// A container that may open nothing could not open /dev/null: the standard devices are allowed
// whatever the rules say, as in runc and crun. default_device_rules() begins with the ones that
// refuse, of which the configuration has its own.
void complete_device_rules(std::vector<DeviceRule>& rules) {
  for (DeviceRule& rule : rules)
    if (rule.access.empty()) rule.access = "rwm";
  for (const DeviceRule& rule : default_device_rules())
    if (rule.allow) rules.push_back(rule);
}

template <class Number>
void drop_zero(std::optional<Number>& limit) {
  if (limit && *limit == 0) limit.reset();
}

}  // namespace

void drop_unset_limits(Resources& resources) {
  drop_zero(resources.memory.limit);
  drop_zero(resources.memory.reservation);
  drop_zero(resources.memory.swap);
  drop_zero(resources.memory.kernel);
  drop_zero(resources.memory.kernel_tcp);
  drop_zero(resources.cpu.shares);
  drop_zero(resources.cpu.quota);
  drop_zero(resources.cpu.period);
  drop_zero(resources.cpu.realtime_runtime);
  drop_zero(resources.cpu.realtime_period);
  drop_zero(resources.block_io.weight);
  drop_zero(resources.block_io.leaf_weight);
  drop_zero(resources.pids_limit);
  drop_zero(resources.network_class_id);
}

Bundle read_bundle(const std::string& directory, const std::string& config) {
  Bundle bundle;
  bundle.directory = canonical(directory.empty() ? "." : directory);
  const std::string path =
      absolute(config.empty() ? "config.json" : config, bundle.directory);
  auto file = sys::find_at(AT_FDCWD, path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
  if (!file)
    throw Error(ErrorKind::not_found,
                fmt::format("JSON specification file {} not found", path));
  struct stat status {};
  sys::check(::fstat(file->get(), &status), "fstat", path);
  if (!S_ISREG(status.st_mode))
    throw Error(ErrorKind::invalid_argument, fmt::format("'{}' is not a regular file", path));
  bundle.text = sys::read_all(file->get(), config_limit, path);
  return bundle;
}

ContainerSpec plan_container(const Bundle& bundle) {
  ContainerSpec spec = parse_spec(bundle.text);
  check_config(spec);
  complete_config(spec, bundle.directory);
  return spec;
}

void complete_config(ContainerSpec& spec, const std::string& bundle) {
  spec.root.path = absolute(spec.root.path, bundle);
  complete_mounts(spec.mounts, bundle);
  complete_devices(spec.devices);
  complete_device_rules(spec.resources.devices);
  drop_unset_limits(spec.resources);
  spec.process.make_cwd = true;
  complete_process(spec.process);
}

std::string plan_cgroup_path(const std::string& cgroups_path, const std::string& id) {
  const std::string& path = cgroups_path.empty() ? id : cgroups_path;
  return path[0] == '/' ? path : "/" + path;
}

void complete_process(Process& process) {
  // None given are none, not all that we have.
  if (!process.capabilities) process.capabilities.emplace();
  // What the kernel does not let be ambient, capabilities(7): callers ask for it all the same, and runc
  // and crun pass over it.
  process.capabilities->ambient &=
      process.capabilities->inheritable & process.capabilities->permitted;
}

}  // namespace ctr::runtime::oci
