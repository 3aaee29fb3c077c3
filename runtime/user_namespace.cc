#include "runtime/user_namespace.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>

#include "runtime/security/rlimits.h"
#include "runtime/sys/error.h"
#include "runtime/sys/file.h"
#include "runtime/sys/process.h"

namespace ctr::runtime {

namespace {

constexpr size_t map_limit = 340;  // lines, since Linux 4.15

std::string map_text(const std::vector<IdMap>& maps) {
  std::string text;
  for (const IdMap& map : maps)
    text += fmt::format("{} {} {}\n", map.container_id, map.host_id, map.size);
  return text;
}

// All that the kernel lets a user without privileges map: himself (user_namespaces(7)).
bool maps_only(const std::vector<IdMap>& maps, uint32_t own) {
  return maps.size() == 1 && maps[0].size == 1 && maps[0].host_id == own;
}

// The set-user-id programs of the package uidmap, which look into /etc/subuid and /etc/subgid.
void write_by_helper(const std::string& program, pid_t pid, const std::vector<IdMap>& maps) {
  if (!sys::exists(program))
    throw sys::Error(sys::ErrorKind::unsupported,
                     fmt::format("to map more ids than one's own, a user without privileges needs '{}': install the "
                                 "package uidmap",
                                 program));
  std::vector<std::string> arguments{std::to_string(pid)};
  for (const IdMap& map : maps)
    for (uint32_t number : {map.container_id, map.host_id, map.size}) arguments.push_back(std::to_string(number));
  const sys::CommandResult result = sys::run_command(program, arguments);
  if (result.status.exit_code() != 0)
    throw sys::Error(sys::ErrorKind::invalid_argument, fmt::format("{}: {}", program, result.output));
}

void check_maps(const std::vector<IdMap>& maps, const char* field) {
  const auto refuse = [&](const std::string& why) {
    throw sys::Error(sys::ErrorKind::invalid_argument,
                     fmt::format("config.json: linux.{}: {}", field, why));
  };
  if (maps.empty()) refuse("a new user namespace needs mappings, and there are none");
  if (maps.size() > map_limit) refuse(fmt::format("more than {} mappings", map_limit));
  const auto overlap = [](uint64_t a, uint64_t a_size, uint64_t b, uint64_t b_size) {
    return a < b + b_size && b < a + a_size;
  };
  for (size_t i = 0; i < maps.size(); ++i) {
    if (maps[i].size == 0) refuse(fmt::format("mapping {} is empty", i));
    for (size_t j = 0; j < i; ++j)
      if (overlap(maps[i].container_id, maps[i].size, maps[j].container_id, maps[j].size) ||
          overlap(maps[i].host_id, maps[i].size, maps[j].host_id, maps[j].size))
        refuse(fmt::format("mappings {} and {} overlap", j, i));
  }
  const bool has_root =
      std::any_of(maps.begin(), maps.end(), [](const IdMap& map) { return map.container_id == 0; });
  if (!has_root) refuse("nothing is mapped to 0: the namespace's root sets the container up");
}

}  // namespace

void check_id_maps(const std::vector<IdMap>& uid_mappings, const std::vector<IdMap>& gid_mappings) {
  check_maps(uid_mappings, "uidMappings");
  check_maps(gid_mappings, "gidMappings");
}

uint32_t host_id(const std::vector<IdMap>& maps, uint32_t container_id) {
  for (const IdMap& map : maps)
    if (container_id >= map.container_id && container_id - map.container_id < map.size)
      return map.host_id + (container_id - map.container_id);
  throw sys::Error(sys::ErrorKind::invalid_argument,
                   fmt::format("the id {} is not mapped in the container's user namespace", container_id));
}

bool map_mount_ids(int mount, int user_namespace, bool recursive) {
  mount_attr attributes{};
  attributes.attr_set = MOUNT_ATTR_IDMAP;
  attributes.userns_fd = static_cast<uint64_t>(user_namespace);
  const unsigned flags = AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0u);
  return ::syscall(SYS_mount_setattr, mount, "", flags, &attributes, sizeof attributes) == 0;
}

void write_id_maps(pid_t pid, const std::vector<IdMap>& uid_mappings,
                   const std::vector<IdMap>& gid_mappings) {
  // The process is ours and was not reaped: the number is its own.
  sys::UniqueFd proc = sys::open_at(AT_FDCWD, fmt::format("/proc/{}", pid), O_PATH | O_DIRECTORY);
  const bool privileged = ::geteuid() == 0;
  if (privileged || maps_only(gid_mappings, ::getegid())) {
    // Without privileges a group map is taken only from who has given up setgroups(2).
    if (!privileged) sys::write_existing(proc.get(), "setgroups", "deny");
    sys::write_existing(proc.get(), "gid_map", map_text(gid_mappings));
  } else {
    write_by_helper("/usr/bin/newgidmap", pid, gid_mappings);
  }
  if (privileged || maps_only(uid_mappings, ::geteuid()))
    sys::write_existing(proc.get(), "uid_map", map_text(uid_mappings));
  else
    write_by_helper("/usr/bin/newuidmap", pid, uid_mappings);
}

void set_up_user_namespace(pid_t pid, const ContainerSpec& spec) {
  write_id_maps(pid, spec.uid_mappings, spec.gid_mappings);
  set_limits_from_outside(pid, spec.process);
}

void set_limits_from_outside(pid_t pid, const Process& process) {
  for (const Rlimit& limit : process.rlimits) {
    rlimit wanted{limit.soft, limit.hard};
    std::optional<int> number = find_rlimit(limit.name);
    if (!number) continue;  // the container's side says so
    if (::prlimit(pid, static_cast<__rlimit_resource>(*number), &wanted, nullptr) < 0 &&
        errno != EPERM)
      sys::throw_errno(errno, "prlimit", {limit.name});
  }
  if (!process.oom_score_adj) return;
  const std::string path = fmt::format("/proc/{}/oom_score_adj", pid);
  const std::string value = std::to_string(*process.oom_score_adj);
  if (sys::read_file(path, 64) == value + "\n") return;
  sys::write_existing(AT_FDCWD, path, value);
}

void give_to_namespace_root(const std::array<int, 3>& stdio, const ContainerSpec& spec) {
  if (spec.uid_mappings.empty() || spec.gid_mappings.empty()) return;
  for (int fd : stdio) {
    struct stat status {};
    if (fd < 0 || ::fstat(fd, &status) < 0) continue;
    if (!S_ISFIFO(status.st_mode) || status.st_uid != ::geteuid()) continue;
    (void)!::fchown(fd, host_root(spec.uid_mappings), host_root(spec.gid_mappings));
  }
}

void become_namespace_root() {
  // Denied where the namespace was made without privileges: then there are no groups but its own.
  if (::setgroups(0, nullptr) < 0 && errno != EPERM) sys::throw_errno(errno, "setgroups", {});
  sys::check(::setresgid(0, 0, 0), "setgid", long{0});
  sys::check(::setresuid(0, 0, 0), "setuid", long{0});
}

}  // namespace ctr::runtime
