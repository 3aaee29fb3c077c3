#include "daemon/default_isolation.h"

#include <fmt/format.h>

namespace ctr::daemon {

namespace {

using runtime::Mount;

Mount mount(std::string destination, std::string type, std::string source,
            std::vector<std::string> options) {
  Mount result;
  result.destination = std::move(destination);
  result.type = std::move(type);
  result.source = std::move(source);
  result.options = std::move(options);
  return result;
}

runtime::Device character_device(std::string path, int64_t major, int64_t minor) {
  runtime::Device device;
  device.path = std::move(path);
  device.major = major;
  device.minor = minor;
  return device;
}

}  // namespace

std::vector<Mount> default_mounts(const HostConfig& host_config) {
  const std::string access = host_config.privileged ? "rw" : "ro";
  const int64_t shm = host_config.shm_size > 0 ? host_config.shm_size : default_shm_size;
  std::vector<Mount> mounts = {
      mount("/proc", "proc", "proc", {"nosuid", "noexec", "nodev"}),
      mount("/dev", "tmpfs", "tmpfs", {"nosuid", "strictatime", "mode=755", "size=65536k"}),
      mount("/dev/pts", "devpts", "devpts",
            {"nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"}),
      mount("/sys", "sysfs", "sysfs", {"nosuid", "noexec", "nodev", access}),
      mount("/sys/fs/cgroup", "cgroup", "cgroup", {access, "nosuid", "noexec", "nodev"}),
      mount("/dev/mqueue", "mqueue", "mqueue", {"nosuid", "noexec", "nodev"}),
  };
  if (host_config.ipc_mode != "none" && host_config.ipc_mode != "host")
    mounts.push_back(
        mount("/dev/shm", "tmpfs", "shm",
              {"nosuid", "noexec", "nodev", "mode=1777", fmt::format("size={}", shm)}));
  if (host_config.ipc_mode == "host")
    mounts.push_back(mount("/dev/shm", "bind", "/dev/shm", {"rbind", "rprivate"}));
  return mounts;
}

std::vector<std::string> default_masked_paths(unsigned possible_cpus) {
  std::vector<std::string> paths = {"/proc/acpi",
                                    "/proc/asound",
                                    "/proc/interrupts",
                                    "/proc/kcore",
                                    "/proc/keys",
                                    "/proc/latency_stats",
                                    "/proc/sched_debug",
                                    "/proc/scsi",
                                    "/proc/timer_list",
                                    "/proc/timer_stats",
                                    "/sys/devices/virtual/powercap",
                                    "/sys/firmware"};
  // Interrupt counters of thermal events tell one guest what another computes.
  for (unsigned cpu = 0; cpu < possible_cpus; ++cpu)
    paths.push_back(fmt::format("/sys/devices/system/cpu/cpu{}/thermal_throttle", cpu));
  return paths;
}

std::vector<std::string> default_readonly_paths() {
  return {"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"};
}

std::vector<runtime::Device> default_devices() {
  return {character_device("/dev/null", 1, 3),    character_device("/dev/zero", 1, 5),
          character_device("/dev/full", 1, 7),    character_device("/dev/random", 1, 8),
          character_device("/dev/urandom", 1, 9), character_device("/dev/tty", 5, 0)};
}

}  // namespace ctr::daemon
