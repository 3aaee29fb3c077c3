#include "runtime/cgroup_mount.h"

#include <fcntl.h>
#include <linux/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "runtime/sys/file.h"
#include "runtime/sys/mount.h"
#include "runtime/sys/path.h"

namespace ctr::runtime {

namespace {

std::string base_name(const std::string& path) {
  return path.substr(path.rfind('/') + 1);
}

bool has_cgroup_namespace(const ContainerSpec& spec) {
  return std::any_of(spec.namespaces.begin(), spec.namespaces.end(),
                     [](const Namespace& space) { return space.kind == NamespaceKind::cgroup; });
}

std::string own_directory(const InitContext& context, const Hierarchy& hierarchy) {
  return hierarchy.mount_point + context.spec.cgroup_path;
}

// A v1 hierarchy in which nothing is limited has no cgroup of the container's. In a cgroup namespace
// that is the root of the tree, read-only, without one it would be the host's.
bool is_visible(const InitContext& context, const Hierarchy& hierarchy) {
  return has_cgroup_namespace(context.spec) || sys::exists(own_directory(context, hierarchy));
}

// In a cgroup namespace a new mount of the hierarchy shows the container's cgroup as its root;
// without one, that directory of the host's mount is bound.
sys::UniqueFd open_hierarchy(const InitContext& context, const Hierarchy& hierarchy,
                             uint64_t attributes) {
  if (has_cgroup_namespace(context.spec)) {
    sys::FilesystemOptions options{.type = hierarchy.unified ? "cgroup2" : "cgroup",
                                   .source = "cgroup",
                                   .options = {},
                                   .attributes = attributes};
    for (const std::string& controller : hierarchy.controllers) {
      if (hierarchy.unified) break;
      if (controller.rfind("name=", 0) == 0) {
        options.source = controller.substr(5);
        options.options.emplace_back("none", "");
        options.options.emplace_back("name", controller.substr(5));
      } else {
        options.options.emplace_back(controller, "");
      }
    }
    return sys::make_filesystem(options);
  }
  sys::UniqueFd tree =
      sys::clone_mount(AT_FDCWD, own_directory(context, hierarchy), false);
  sys::set_mount_attributes(tree.get(), attributes, 0, 1u << 18 /* MS_PRIVATE */, false);
  return tree;
}

void mount_v1(const InitContext& context, int target, uint64_t attributes) {
  sys::UniqueFd base =
      sys::make_filesystem({.type = "tmpfs",
                            .source = "tmpfs",
                            .options = {{"mode", "755"}},
                            .attributes = attributes & ~uint64_t{MOUNT_ATTR_RDONLY}});
  sys::attach_mount(base.get(), target);
  for (const Hierarchy& hierarchy : context.cgroup_layout->hierarchies) {
    if (hierarchy.unified || !is_visible(context, hierarchy)) continue;
    std::string name = base_name(hierarchy.mount_point);
    sys::check(::mkdirat(base.get(), name.c_str(), 0755), "mkdir", "/sys/fs/cgroup/" + name);
    sys::UniqueFd directory = sys::open_at(base.get(), name, O_PATH | O_DIRECTORY | O_NOFOLLOW);
    sys::attach_mount(open_hierarchy(context, hierarchy, attributes).get(), directory.get());
    // "cpu" beside "cpu,cpuacct": programs look for either.
    for (const std::string& controller : hierarchy.controllers)
      if (controller != name && controller.find('=') == std::string::npos)
        (void)!::symlinkat(name.c_str(), base.get(), controller.c_str());
  }
  sys::set_mount_attributes(base.get(), attributes, 0, 0, false);
}

}  // namespace

void mount_cgroups(InitContext& context, const Mount& mount, const MountPlan& plan) {
  if (context.cgroup_layout == nullptr || context.cgroup_layout->mode() == CgroupMode::none) return;
  sys::UniqueFd target = sys::make_directories_in_root(context.root.get(), mount.destination, 0755);
  if (context.cgroup_layout->mode() != CgroupMode::v2)
    return mount_v1(context, target.get(), plan.attributes_set);
  const Hierarchy* unified = context.cgroup_layout->find_unified();
  sys::attach_mount(open_hierarchy(context, *unified, plan.attributes_set).get(), target.get());
}

}  // namespace ctr::runtime
