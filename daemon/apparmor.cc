#include "daemon/apparmor.h"

#include <unistd.h>

#include "runtime/security/labels.h"
#include "runtime/sys/error.h"
#include "runtime/sys/file.h"
#include "runtime/sys/process.h"

namespace ctr::daemon {

namespace {

constexpr size_t list_limit = 4 << 20;  // of loaded profiles

bool is_loaded() {
  const auto profiles = sys::find_file("/sys/kernel/security/apparmor/profiles", list_limit);
  return profiles && profiles->find(std::string(apparmor_profile_name) + " (") != std::string::npos;
}

const char* find_parser() {
  for (const char* path : {"/usr/sbin/apparmor_parser", "/sbin/apparmor_parser"})
    if (::access(path, X_OK) == 0) return path;
  return nullptr;
}

}  // namespace

// What a container writes to in /proc is its own processes' (/proc/<pid>) and the settings of shared memory
// (kernel.shm…), in /sys its cgroups: the patterns say so by what a name does not begin with, since AppArmor
// has no exceptions to a denial.
std::string apparmor_profile_text() {
  return fmt::format(R"(@{{PROC}}=/proc/
profile {0} flags=(attach_disconnected,mediate_deleted) {{
  network,
  capability,
  file,
  umount,

  signal (receive) peer=unconfined,
  signal (send,receive) peer={0},
  ptrace (trace,read,tracedby,readby) peer={0},

  deny network alg,
  deny mount,

  deny @{{PROC}}/* w,
  deny @{{PROC}}/{{[^1-9/],[^1-9/][^0-9/],[^1-9s/][^0-9y/][^0-9s/],[^1-9/][^0-9/][^0-9/][^0-9/]*}}/** w,
  deny @{{PROC}}/sys/[^k]** w,
  deny @{{PROC}}/sys/kernel/{{?,??,[^s][^h][^m]**}} w,
  deny @{{PROC}}/sysrq-trigger rwklx,
  deny @{{PROC}}/kcore rwklx,

  deny /sys/[^f]*/** wklx,
  deny /sys/f[^s]*/** wklx,
  deny /sys/fs/[^c]*/** wklx,
  deny /sys/fs/c[^g]*/** wklx,
  deny /sys/fs/cg[^r]*/** wklx,
  deny /sys/firmware/** rwklx,
  deny /sys/devices/virtual/powercap/** rwklx,
  deny /sys/kernel/security/** rwklx,
}}
)",
                     apparmor_profile_name);
}

std::string prepare_apparmor(const std::string& directory,
                             const std::function<void(const std::string&)>& warn) {
  if (!runtime::has_apparmor()) return "";
  const std::string text = apparmor_profile_text();
  const std::string remembered = directory + "/apparmor-profile";
  if (is_loaded() && sys::find_file(remembered) == text) return apparmor_profile_name;
  const char* parser = find_parser();
  if (parser == nullptr) {
    warn("containers run without an AppArmor profile: the program apparmor_parser is missing (package apparmor)");
    return "";
  }
  sys::CommandResult result = sys::run_command(parser, {"--skip-cache", "--replace"}, text);
  if (result.status.exit_code() != 0 || !is_loaded()) {
    warn(fmt::format("containers run without an AppArmor profile: apparmor_parser: {}", result.output));
    return "";
  }
  sys::write_atomically(remembered, text, 0644, sys::Durability::until_reboot);
  return apparmor_profile_name;
}

}  // namespace ctr::daemon
