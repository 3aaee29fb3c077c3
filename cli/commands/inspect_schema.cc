#include "cli/commands/inspect_schema.h"

#include <algorithm>

namespace ctr::cli {

namespace {

struct Row {
  std::string_view parent;  // "*": below any
  std::string_view name;
  Shape shape;
};

constexpr Row rows[] = {
    // maps
    {"*", "Annotations", Shape::text_map},
    {"Actor", "Attributes", Shape::text_map},
    {"LogConfig", "Config", Shape::text_map},
    {"GraphDriver", "Data", Shape::text_map},
    {"*", "Details", Shape::text_map},
    {"*", "DriverOpts", Shape::text_map},
    {"*", "ExposedPorts", Shape::map},
    {"*", "Labels", Shape::text_map},
    {"NetworkSettings", "Networks", Shape::map},
    {"*", "Options", Shape::text_map},
    {"NetworkSettings", "Ports", Shape::list_map},
    {"*", "PortBindings", Shape::list_map},
    {"*", "Runtimes", Shape::map},
    {"*", "StorageOpt", Shape::text_map},
    {"*", "Sysctls", Shape::text_map},
    {"*", "Tmpfs", Shape::text_map},
    {"Config", "Volumes", Shape::map},
    // pointers
    {"*", "Descriptor", Shape::pointer},
    {"State", "Health", Shape::pointer},
    {"Config", "Healthcheck", Shape::pointer},
    {"*", "IPAMConfig", Shape::pointer},
    {"*", "ImageManifestDescriptor", Shape::pointer},
    {"HostConfig", "Init", Shape::pointer},
    {"*", "MemorySwappiness", Shape::pointer},
    {"*", "OomKillDisable", Shape::pointer},
    {"*", "PidsLimit", Shape::pointer},
    {"", "SizeRootFs", Shape::pointer},
    {"", "SizeRw", Shape::pointer},
    {"Config", "StopTimeout", Shape::pointer},
    {"", "UsageData", Shape::pointer},
    // lists
    {"*", "Aliases", Shape::list},
    {"*", "Args", Shape::list},
    {"*", "Binds", Shape::list},
    {"*", "CapAdd", Shape::list},
    {"*", "CapDrop", Shape::list},
    {"*", "Cmd", Shape::list},
    {"*", "Components", Shape::list},
    {"*", "DNSNames", Shape::list},
    {"*", "DeviceCgroupRules", Shape::list},
    {"*", "DeviceRequests", Shape::list},
    {"*", "Devices", Shape::list},
    {"*", "Dns", Shape::list},
    {"*", "DnsOptions", Shape::list},
    {"*", "DnsSearch", Shape::list},
    {"*", "Entrypoint", Shape::list},
    {"*", "Env", Shape::list},
    {"*", "ExecIDs", Shape::list},
    {"*", "ExtraHosts", Shape::list},
    {"*", "GenericResources", Shape::list},
    {"*", "GroupAdd", Shape::list},
    {"*", "Layers", Shape::list},
    {"*", "Links", Shape::list},
    {"*", "MaskedPaths", Shape::list},
    {"*", "Mounts", Shape::list},
    {"*", "OnBuild", Shape::list},
    {"*", "ReadonlyPaths", Shape::list},
    {"*", "RepoDigests", Shape::list},
    {"*", "RepoTags", Shape::list},
    {"*", "SecondaryIPAddresses", Shape::list},
    {"*", "SecondaryIPv6Addresses", Shape::list},
    {"*", "SecurityOpt", Shape::list},
    {"*", "SecurityOptions", Shape::list},
    {"*", "Shell", Shape::list},
    {"*", "Ulimits", Shape::list},
    {"*", "VolumesFrom", Shape::list},
    {"*", "Warnings", Shape::list},
    // what the API leaves out where it is empty
    {"*", "Author", Shape::text},
    {"", "BuildTime", Shape::text},
    {"*", "Comment", Shape::text},
    {"*", "DockerVersion", Shape::text},
    {"Mounts", "Driver", Shape::text},
    {"*", "Domainname", Shape::text},
    {"", "From", Shape::text},
    {"", "ID", Shape::text},
    {"*", "MacAddress", Shape::text},
    {"Mounts", "Name", Shape::text},
    {"", "OsVersion", Shape::text},
    {"", "Parent", Shape::text},
    {"", "Status", Shape::text},
    {"*", "StopSignal", Shape::text},
    {"*", "User", Shape::text},
    {"", "Variant", Shape::text},
    {"*", "WorkingDir", Shape::text},
    {"Config", "ArgsEscaped", Shape::boolean},
    {"*", "Experimental", Shape::boolean},
    {"Config", "NetworkDisabled", Shape::boolean},
    {"HostConfig", "KernelMemory", Shape::number},
    {"", "VirtualSize", Shape::number},
};

}  // namespace

std::optional<Shape> api_schema(std::string_view parent, std::string_view name) {
  auto found = std::find_if(std::begin(rows), std::end(rows), [&](const Row& row) {
    return row.name == name && (row.parent == "*" || row.parent == parent);
  });
  return found == std::end(rows) ? std::nullopt : std::optional(found->shape);
}

}  // namespace ctr::cli
