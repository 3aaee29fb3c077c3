#include "daemon/machine.h"

#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>

#include "runtime/sys/error.h"
#include "runtime/sys/file.h"

namespace ctr::daemon {

namespace {

std::string go_architecture(const std::string& machine) {
  if (machine == "x86_64") return "amd64";
  if (machine == "aarch64") return "arm64";
  if (machine.starts_with("armv")) return "arm";
  return machine;
}

bool is_on(const std::string& path) {
  std::optional<std::string> text = sys::find_file(path);
  return text && (text->starts_with("1") || text->starts_with("Y"));
}

std::string os_release() {
  for (const char* path : {"/etc/os-release", "/usr/lib/os-release"})
    if (std::optional<std::string> text = sys::find_file(path)) return *text;
  return "";
}

int64_t total_memory() {
  struct sysinfo info {};
  sys::check(::sysinfo(&info), "sysinfo");
  return static_cast<int64_t>(info.totalram) * info.mem_unit;
}

}  // namespace

std::string os_release_value(const std::string& text, const std::string& name) {
  for (size_t start = 0; start < text.size();) {
    size_t end = std::min(text.find('\n', start), text.size());
    std::string line = text.substr(start, end - start);
    start = end + 1;
    if (!line.starts_with(name + "=")) continue;
    std::string value = line.substr(name.size() + 1);
    bool quoted =
        value.size() >= 2 && (value[0] == '"' || value[0] == '\'') && value.back() == value[0];
    return quoted ? value.substr(1, value.size() - 2) : value;
  }
  return "";
}

Machine read_machine() {
  utsname names{};
  sys::check(::uname(&names), "uname");
  const std::string release = os_release();
  Machine machine;
  machine.name = names.nodename;
  machine.kernel_version = names.release;
  machine.operating_system = os_release_value(release, "PRETTY_NAME");
  if (machine.operating_system.empty()) machine.operating_system = "Linux";
  machine.os_version = os_release_value(release, "VERSION_ID");
  machine.machine = names.machine;
  machine.architecture = go_architecture(machine.machine);
  machine.processors = std::max(1L, ::sysconf(_SC_NPROCESSORS_ONLN));
  machine.memory = total_memory();
  machine.forwards_ipv4 = is_on("/proc/sys/net/ipv4/ip_forward");
  machine.filters_bridges_ipv4 = is_on("/proc/sys/net/bridge/bridge-nf-call-iptables");
  machine.filters_bridges_ipv6 = is_on("/proc/sys/net/bridge/bridge-nf-call-ip6tables");
  machine.has_apparmor = is_on("/sys/module/apparmor/parameters/enabled");
  return machine;
}

}  // namespace ctr::daemon
