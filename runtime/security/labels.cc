#include "runtime/security/labels.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "runtime/sys/error.h"
#include "runtime/sys/file.h"

namespace ctr::runtime {

namespace {

constexpr const char* unconfined = "unconfined";

sys::UniqueFd open_attribute(int proc, const char* path, const char* older_path) {
  std::optional<sys::UniqueFd> file = sys::find_at(proc, path, O_WRONLY | O_NOFOLLOW);
  if (!file) file = sys::open_at(proc, older_path, O_WRONLY | O_NOFOLLOW);
  struct statfs status {};
  sys::check(::fstatfs(file->get(), &status), "fstatfs", path);
  if (status.f_type != PROC_SUPER_MAGIC)
    throw sys::Error(sys::ErrorKind::forbidden, fmt::format("{} is not the kernel's", path));
  return std::move(*file);
}

void write_label(const sys::UniqueFd& file, const std::string& text, const char* what,
                 const std::string& label) {
  if (::write(file.get(), text.data(), text.size()) >= 0) return;
  if (errno == ENOENT)
    throw sys::Error(sys::ErrorKind::not_found, fmt::format("{} '{}' is not loaded", what, label),
                     ENOENT);
  sys::throw_errno(errno, what, {"'" + label + "'"});
}

}  // namespace

bool has_apparmor() {
  return sys::find_file("/sys/module/apparmor/parameters/enabled", 16).value_or("").starts_with('Y');
}

bool has_selinux() { return sys::exists("/sys/fs/selinux/enforce"); }

void check_labels(const std::string& apparmor_profile, const std::string& selinux_label,
                  const std::string& field) {
  const auto refuse = [&](const char* name, const char* system) {
    throw sys::Error(
        sys::ErrorKind::unsupported,
        fmt::format("{}.{}: {} is not enabled on this machine", field, name, system));
  };
  if (!apparmor_profile.empty() && apparmor_profile != unconfined && !has_apparmor())
    refuse("apparmorProfile", "AppArmor");
  if (!selinux_label.empty() && !has_selinux()) refuse("selinuxLabel", "SELinux");
}

void apply_labels(int proc, const std::string& apparmor_profile, const std::string& selinux_label) {
  if (!apparmor_profile.empty() && (apparmor_profile != unconfined || has_apparmor()))
    write_label(open_attribute(proc, "self/attr/apparmor/exec", "self/attr/exec"),
                "exec " + apparmor_profile, "the AppArmor profile", apparmor_profile);
  if (!selinux_label.empty())
    write_label(open_attribute(proc, "self/attr/exec", "self/attr/exec"), selinux_label,
                "the SELinux label", selinux_label);
}

}  // namespace ctr::runtime
