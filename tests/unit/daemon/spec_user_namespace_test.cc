#include <doctest/doctest.h>

#include <algorithm>

#include "daemon/spec_builder.h"

using namespace ctr::daemon;
using ctr::runtime::ContainerSpec;
using ctr::runtime::Mount;
using ctr::runtime::NamespaceKind;

namespace {

ContainerConfig runnable() {
  ContainerConfig config;
  config.cmd = {"true"};
  return config;
}

Placement mapped_placement() {
  Placement placement;
  placement.ids = {{100000, 65536}, {200000, 1024}};
  placement.hosts_path = "/h";
  SettledMount data;
  data.source = data.target = "/data";
  data.idmapped = true;
  placement.mounts = {data};
  return placement;
}

const Mount* find_mount(const ContainerSpec& spec, const std::string& destination) {
  auto found = std::find_if(spec.mounts.begin(), spec.mounts.end(),
                            [&](const Mount& mount) { return mount.destination == destination; });
  return found == spec.mounts.end() ? nullptr : &*found;
}

bool is_mapped(const ContainerSpec& spec, const std::string& destination) {
  const Mount* mount = find_mount(spec, destination);
  REQUIRE(mount != nullptr);
  return std::find(mount->options.begin(), mount->options.end(), "tryidmap") !=
         mount->options.end();
}

std::optional<std::string> user_namespace(const ContainerSpec& spec) {
  for (const auto& space : spec.namespaces)
    if (space.kind == NamespaceKind::user) return space.path;
  return std::nullopt;
}

}  // namespace

TEST_CASE("ids make a user namespace, and what is mounted is seen through them") {
  const ContainerSpec spec = build_spec(runnable(), HostConfig(), mapped_placement(), HostFacts());
  CHECK(user_namespace(spec) == "");
  REQUIRE(spec.uid_mappings.size() == 1);
  CHECK(spec.uid_mappings[0].container_id == 0);
  CHECK(spec.uid_mappings[0].host_id == 100000);
  CHECK(spec.gid_mappings[0].host_id == 200000);
  CHECK(spec.gid_mappings[0].size == 1024);
  CHECK(spec.root.overlay->idmapped);
  CHECK(is_mapped(spec, "/data"));
  CHECK_FALSE(is_mapped(spec, "/etc/hosts"));  // the launcher makes it the container's root's
  CHECK_FALSE(is_mapped(spec, "/proc"));
  CHECK(spec.sysctl.at("net.ipv4.ping_group_range") == "0 1023");
}

TEST_CASE("a joined container's user namespace is joined as well") {
  Placement placement = mapped_placement();
  placement.joined = {{NamespaceKind::network, "/proc/7/ns/net"},
                      {NamespaceKind::user, "/proc/7/ns/user"}};
  HostConfig host;
  host.network_mode = "container:x";
  CHECK(user_namespace(build_spec(runnable(), host, placement, HostFacts())) == "/proc/7/ns/user");
}

TEST_CASE(
    "the host's message queues are not for a user namespace, its shared memory keeps its owners") {
  HostConfig host;
  host.ipc_mode = "host";
  const ContainerSpec spec = build_spec(runnable(), host, mapped_placement(), HostFacts());
  CHECK(find_mount(spec, "/dev/mqueue") == nullptr);
  CHECK_FALSE(is_mapped(spec, "/dev/shm"));
  Placement plain = mapped_placement();
  plain.ids = {};
  CHECK(find_mount(build_spec(runnable(), host, plain, HostFacts()), "/dev/mqueue") != nullptr);
}

TEST_CASE("without ids nothing is mapped") {
  Placement placement = mapped_placement();
  placement.ids = {};
  placement.mounts[0].idmapped = false;
  const ContainerSpec spec = build_spec(runnable(), HostConfig(), placement, HostFacts());
  CHECK_FALSE(user_namespace(spec));
  CHECK(spec.uid_mappings.empty());
  CHECK_FALSE(spec.root.overlay->idmapped);
  CHECK_FALSE(is_mapped(spec, "/data"));
  CHECK_FALSE(is_mapped(spec, "/etc/hosts"));
  CHECK(spec.sysctl.at("net.ipv4.ping_group_range") == "0 2147483647");
}
