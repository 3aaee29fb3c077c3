#include "daemon/spec_mounts.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "daemon/default_isolation.h"
#include "runtime/sys/error.h"
#include "runtime/sys/path.h"

namespace ctr::daemon {

namespace {

using runtime::Mount;

constexpr std::array<std::string_view, 30> tmpfs_words = {
    "rw",       "ro",         "suid",        "nosuid",        "dev",      "nodev",
    "exec",     "noexec",     "sync",        "async",         "dirsync",  "remount",
    "mand",     "nomand",     "atime",       "noatime",       "diratime", "nodiratime",
    "relatime", "norelatime", "strictatime", "nostrictatime", "defaults", "private",
    "rprivate", "slave",      "rslave",      "shared",        "rshared",  "unbindable"};
constexpr std::array<std::string_view, 6> tmpfs_values = {"size", "nr_inodes", "nr_blocks",
                                                          "mode", "uid",       "gid"};

template <class Table>
bool contains(const Table& table, std::string_view word) {
  return std::find(table.begin(), table.end(), word) != table.end();
}

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  for (size_t begin = 0; begin <= text.size();) {
    size_t end = std::min(text.find(separator, begin), text.size());
    if (end > begin) parts.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

Mount bind_mount(const SettledMount& settled) {
  Mount mount;
  mount.destination = settled.target;
  mount.type = settled.filesystem.empty() ? "bind" : settled.filesystem;
  mount.source = settled.source;
  if (settled.idmapped) mount.options.emplace_back("tryidmap");
  mount.subpath = settled.subpath;
  if (!settled.filesystem.empty()) {
    mount.options.insert(mount.options.end(), settled.filesystem_options.begin(), settled.filesystem_options.end());
    if (settled.read_only) mount.options.push_back("ro");
    return mount;
  }
  mount.options.push_back(settled.non_recursive ? "bind" : "rbind");
  if (settled.read_only) mount.options.push_back(settled.recursive_read_only ? "rro" : "ro");
  mount.options.push_back(settled.propagation.empty() ? "rprivate" : settled.propagation);
  return mount;
}

Mount tmpfs_mount(std::string destination, std::vector<std::string> options) {
  Mount mount;
  mount.destination = std::move(destination);
  mount.type = "tmpfs";
  mount.source = "tmpfs";
  mount.options = std::move(options);
  return mount;
}

void add_engine_file(std::vector<Mount>& mounts, const std::string& source, const char* target,
                     bool read_only) {
  if (source.empty()) return;
  SettledMount settled;
  settled.source = source;
  settled.target = target;
  settled.read_only = read_only;
  settled.recursive_read_only = false;
  mounts.push_back(bind_mount(settled));
}

void add_user_tmpfs(std::vector<Mount>& mounts, const HostConfig& host_config) {
  for (const auto& [destination, options] : host_config.tmpfs)
    mounts.push_back(tmpfs_mount(destination, plan_tmpfs_options(options)));
  for (const MountRequest& request : host_config.mounts) {
    if (request.type != "tmpfs") continue;
    std::vector<std::string> options = {"noexec", "nosuid", "nodev"};
    if (request.read_only) options.push_back("ro");
    if (request.tmpfs_size > 0) options.push_back(fmt::format("size={}", request.tmpfs_size));
    if (request.tmpfs_mode > 0) options.push_back(fmt::format("mode={:o}", request.tmpfs_mode));
    mounts.push_back(tmpfs_mount(request.target, std::move(options)));
  }
}

size_t depth(const Mount& mount) {
  return sys::split_path(mount.destination).size();
}

bool same_place(const Mount& a, const Mount& b) {
  return sys::clean_path(a.destination) == sys::clean_path(b.destination);
}

// A user's /dev replaces our tmpfs there and everything that would be mounted inside of it.
bool is_replaced(const Mount& ours, const std::vector<Mount>& users) {
  return std::any_of(users.begin(), users.end(), [&](const Mount& user) {
    bool inside_dev = sys::clean_path(user.destination) == "/dev" &&
                      sys::clean_path(ours.destination).rfind("/dev/", 0) == 0;
    return same_place(ours, user) || inside_dev;
  });
}

}  // namespace

std::vector<std::string> plan_tmpfs_options(const std::string& options) {
  std::vector<std::string> result = {"noexec", "nosuid", "nodev"};
  for (const std::string& option : split(options, ',')) {
    size_t equals = option.find('=');
    bool known = equals == std::string::npos ? contains(tmpfs_words, option)
                                             : contains(tmpfs_values, option.substr(0, equals));
    if (!known)
      throw sys::Error(sys::ErrorKind::invalid_argument,
                       fmt::format("invalid tmpfs option [\"{}\"]", option));
    result.push_back(option);  // a later word wins over ours
  }
  return result;
}

std::vector<Mount> plan_mounts(const HostConfig& host_config, const Placement& placement,
                               const HostFacts& facts) {
  std::vector<Mount> users;
  for (const SettledMount& settled : placement.mounts) users.push_back(bind_mount(settled));
  add_user_tmpfs(users, host_config);
  // Parents before what lies inside of them, else the order in which they were given.
  std::stable_sort(users.begin(), users.end(),
                   [](const Mount& a, const Mount& b) { return depth(a) < depth(b); });

  std::vector<Mount> ours = default_mounts(host_config);
  const bool read_only = host_config.readonly_rootfs;
  add_engine_file(ours, placement.resolv_conf_path, "/etc/resolv.conf", read_only);
  add_engine_file(ours, placement.hostname_path, "/etc/hostname", read_only);
  add_engine_file(ours, placement.hosts_path, "/etc/hosts", read_only);
  if (host_config.init.value_or(facts.init))
    add_engine_file(ours, facts.docker_init, "/sbin/docker-init", true);
  // The queues of the host's IPC namespace can be mounted by the host's root only.
  const bool no_queues = placement.ids.mapped() && host_config.ipc_mode == "host";
  std::erase_if(ours, [&](const Mount& mount) {
    return is_replaced(mount, users) || (no_queues && mount.type == "mqueue");
  });
  ours.insert(ours.end(), users.begin(), users.end());
  return ours;
}

}  // namespace ctr::daemon
