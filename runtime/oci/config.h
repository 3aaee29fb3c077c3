// A bundle's config.json, read for a container that is to be made: parsed, checked, and completed by
// what an OCI runtime adds to every container, so that launch() needs to know nothing of bundles.
#pragma once

#include <string>

#include "runtime/spec.h"

namespace ctr::runtime::oci {

struct Bundle {
  std::string directory;  // absolute
  std::string text;       // config.json
};

// `directory` may be relative to the current directory, `config` to the bundle; "" is config.json.
// Error{not_found} that names what is missing.
Bundle read_bundle(const std::string& directory, const std::string& config);

// The spec as launch() takes it, but for its cgroup, which is as config.json has it: plan_cgroup_path, or
// systemd_scope.h. Error{invalid_argument} that names the field. Pure.
ContainerSpec plan_container(const Bundle& bundle);

// The parts of plan_container.
void check_config(const ContainerSpec& spec);
void complete_config(ContainerSpec& spec, const std::string& bundle);

// Below the root of each hierarchy; without a linux.cgroupsPath the container's id.
std::string plan_cgroup_path(const std::string& cgroups_path, const std::string& id);

// Engines write 0 for limits that they do not set, as runc understands it: these are taken out.
void drop_unset_limits(Resources& resources);

// The same for a process, config.json's or that of an exec.
void complete_process(Process& process);

// What of it this machine does not have. Error{unsupported} that names the field.
void check_machine(const ContainerSpec& spec);

// What is wrong with a process, be it config.json's or that of an exec; `field` is its place.
void check_process(const Process& process, const std::string& field);

}  // namespace ctr::runtime::oci
