#include "runtime/oci/spec_template.h"

#include <nlohmann/json.hpp>

#include "runtime/environment.h"
#include "runtime/oci/container_record.h"

namespace ctr::runtime::oci {

namespace {

using Json = nlohmann::ordered_json;

Json mount(const char* destination, const char* type, const char* source, Json options) {
  return {{"destination", destination}, {"type", type}, {"source", source}, {"options", options}};
}

Json process_template() {
  const Json capabilities = {"CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"};
  const Json limits = {{{"type", "RLIMIT_NOFILE"}, {"hard", 1024}, {"soft", 1024}}};
  return {{"terminal", true},
          {"user", {{"uid", 0}, {"gid", 0}}},
          {"args", {"sh"}},
          {"env", {"PATH=" + std::string(default_path), "TERM=xterm"}},
          {"cwd", "/"},
          {"capabilities",
           {{"bounding", capabilities}, {"effective", capabilities}, {"permitted", capabilities}}},
          {"rlimits", Json::array({limits[0]})},
          {"noNewPrivileges", true}};
}

Json mounts_template() {
  return {mount("/proc", "proc", "proc", {"nosuid", "noexec", "nodev"}),
          mount("/dev", "tmpfs", "tmpfs", {"nosuid", "strictatime", "mode=755", "size=65536k"}),
          mount("/dev/pts", "devpts", "devpts",
                {"nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"}),
          mount("/dev/shm", "tmpfs", "shm",
                {"nosuid", "noexec", "nodev", "mode=1777", "size=65536k"}),
          mount("/dev/mqueue", "mqueue", "mqueue", {"nosuid", "noexec", "nodev"}),
          mount("/sys", "sysfs", "sysfs", {"nosuid", "noexec", "nodev", "ro"}),
          mount("/sys/fs/cgroup", "cgroup", "cgroup",
                {"nosuid", "noexec", "nodev", "relatime", "ro"})};
}

Json linux_template() {
  Json namespaces = Json::array();
  for (const char* type : {"pid", "network", "ipc", "uts", "mount", "cgroup"})
    namespaces.push_back({{"type", type}});
  return {{"resources", {{"devices", Json::array({{{"allow", false}, {"access", "rwm"}}})}}},
          {"namespaces", namespaces},
          {"maskedPaths",
           {"/proc/acpi", "/proc/asound", "/proc/interrupts", "/proc/kcore", "/proc/keys",
            "/proc/latency_stats", "/proc/sched_debug", "/proc/scsi", "/proc/timer_list",
            "/proc/timer_stats", "/sys/devices/virtual/powercap", "/sys/firmware"}},
          {"readonlyPaths",
           {"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"}}};
}

Json make_template() {
  return {{"ociVersion", specification_version},
          {"process", process_template()},
          {"root", {{"path", "rootfs"}, {"readonly", true}}},
          {"hostname", "ctr"},
          {"mounts", mounts_template()},
          {"linux", linux_template()}};
}

}  // namespace

std::string spec_template() { return make_template().dump(2) + "\n"; }

std::string rootless_spec_template(uid_t uid, gid_t gid) {
  Json config = make_template();
  Json& linux_part = config["linux"];
  linux_part["namespaces"].push_back({{"type", "user"}});
  // The host's network stays: a user may not connect a new one. Nor may he limit anything.
  Json kept = Json::array();
  for (const Json& space : linux_part["namespaces"])
    if (space["type"] != "network") kept.push_back(space);
  linux_part["namespaces"] = kept;
  linux_part["uidMappings"] = Json::array({{{"containerID", 0}, {"hostID", uid}, {"size", 1}}});
  linux_part["gidMappings"] = Json::array({{{"containerID", 0}, {"hostID", gid}, {"size", 1}}});
  linux_part.erase("resources");
  for (Json& mount : config["mounts"]) {
    // Group 5 is not mapped, and the host's /sys can only be bound.
    if (mount["type"] == "devpts") mount["options"].erase(mount["options"].size() - 1);
    if (mount["type"] == "sysfs")
      mount = {{"destination", "/sys"},
               {"type", "none"},
               {"source", "/sys"},
               {"options", {"rbind", "nosuid", "noexec", "nodev", "ro"}}};
  }
  return config.dump(2) + "\n";
}

}  // namespace ctr::runtime::oci
