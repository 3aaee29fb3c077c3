#include <dirent.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <sstream>

#include "report.h"

namespace probe {

namespace {

Json split(const std::string& text, char separator) {
  Json parts = Json::array();
  std::istringstream stream(text);
  for (std::string part; std::getline(stream, part, separator);)
    if (!part.empty()) parts.push_back(part);
  return parts;
}

// proc_pid_mountinfo(5): id parent dev root point options [propagation…] - type source super
Json parse_mount(const std::string& line) {
  std::istringstream fields(line);
  std::string id, parent, device, root, point, options, word, type, source, super;
  fields >> id >> parent >> device >> root >> point >> options;
  Json propagation = Json::array();
  while (fields >> word && word != "-") propagation.push_back(word);
  fields >> type >> source >> super;
  return {{"point", point},
          {"root", root},
          {"type", type},
          {"source", source},
          {"options", split(options, ',')},
          {"super", split(super, ',')},
          {"propagation", propagation}};
}

Json list_mounts() {
  Json mounts = Json::array();
  std::istringstream lines(read_text("/proc/self/mountinfo"));
  for (std::string line; std::getline(lines, line);) mounts.push_back(parse_mount(line));
  return mounts;
}

Json list_namespaces() {
  Json namespaces = Json::object();
  for (const char* kind : {"cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts"})
    namespaces[kind] = read_link(std::string("/proc/self/ns/") + kind);
  return namespaces;
}

const char* type_name(mode_t mode) {
  switch (mode & S_IFMT) {
    case S_IFCHR:
      return "c";
    case S_IFBLK:
      return "b";
    case S_IFDIR:
      return "d";
    case S_IFLNK:
      return "l";
    case S_IFIFO:
      return "p";
    case S_IFSOCK:
      return "s";
    default:
      return "f";
  }
}

Json describe_node(const std::string& path, const struct stat& status) {
  Json node = {{"type", type_name(status.st_mode)},
               {"mode", status.st_mode & 07777},
               {"uid", status.st_uid},
               {"gid", status.st_gid}};
  if (S_ISCHR(status.st_mode) || S_ISBLK(status.st_mode))
    node["rdev"] = {::major(status.st_rdev), ::minor(status.st_rdev)};
  if (S_ISLNK(status.st_mode)) node["target"] = read_link(path);
  return node;
}

void list_nodes(const std::string& directory, int depth, Json& nodes) {
  DIR* stream = ::opendir(directory.c_str());
  if (stream == nullptr) return;
  while (const dirent* entry = ::readdir(stream)) {
    std::string name = entry->d_name;
    if (name == "." || name == "..") continue;
    std::string path = directory + "/" + name;
    struct stat status {};
    if (::lstat(path.c_str(), &status) < 0) continue;
    nodes[path] = describe_node(path, status);
    if (S_ISDIR(status.st_mode) && depth > 0) list_nodes(path, depth - 1, nodes);
  }
  ::closedir(stream);
}

Json list_devices() {
  Json nodes = Json::object();
  list_nodes("/dev", 3, nodes);
  return nodes;
}

Json list_sysctls() {
  Json values = Json::object();
  for (std::string name :
       {"kernel/hostname", "kernel/domainname", "kernel/msgmax", "kernel/shmmax", "kernel/shmmni",
        "kernel/sem", "fs/mqueue/queues_max", "net/ipv4/ip_unprivileged_port_start",
        "net/ipv4/ping_group_range", "net/ipv4/ip_forward", "net/core/somaxconn"}) {
    std::string text = read_text("/proc/sys/" + name);
    std::replace(name.begin(), name.end(), '/', '.');
    values[name] = split(text, '\n').empty() ? "" : split(text, '\n')[0].get<std::string>();
  }
  return values;
}

// The limits and rules of the container as its own cgroup shows them: v1's and v2's files.
Json list_cgroup_files() {
  Json files = Json::object();
  for (std::string name :
       {"devices/devices.list", "memory/memory.limit_in_bytes", "memory/memory.memsw.limit_in_bytes",
        "memory/memory.oom_control", "memory/memory.swappiness", "pids/pids.max", "cpu/cpu.shares",
        "cpu/cpu.cfs_quota_us", "cpu/cpu.cfs_period_us", "cpuset/cpuset.cpus", "memory.max",
        "memory.swap.max", "pids.max", "cpu.weight", "cpu.max", "cpuset.cpus"}) {
    std::string text = read_text("/sys/fs/cgroup/" + name);
    if (!text.empty()) files[name] = split(text, '\n');
  }
  return files;
}

Json list_root() {
  Json names = Json::array();
  DIR* stream = ::opendir("/");
  if (stream == nullptr) return names;
  while (const dirent* entry = ::readdir(stream)) names.push_back(entry->d_name);
  ::closedir(stream);
  return names;
}

}  // namespace

Json report_surroundings() {
  utsname names{};
  ::uname(&names);
  return {{"mounts", list_mounts()},
          {"namespaces", list_namespaces()},
          {"devices", list_devices()},
          {"sysctls", list_sysctls()},
          {"hostname", names.nodename},
          {"domainname", names.domainname},
          {"cgroup", split(read_text("/proc/self/cgroup"), '\n')},
          {"cgroup_files", list_cgroup_files()},
          {"root", list_root()}};
}

}  // namespace probe
