// AppArmor profiles and SELinux labels of a process that is about to execute a program: written to
// files of /proc/self/attr (proc(5)), obeyed by the kernel at the next execve(2).
#pragma once

#include <string>

namespace ctr::runtime {

// Whether this kernel enforces them. Error{unsupported} that names the field if one is asked for that
// cannot be had; AppArmor's "unconfined" can always.
void check_labels(const std::string& apparmor_profile, const std::string& selinux_label,
                  const std::string& field);
bool has_apparmor();
bool has_selinux();

// `proc` is a procfs that nobody can have replaced (CVE-2019-16884, CVE-2023-28642, attack E09): a
// label that was written into another file would leave the process without one.
// Error{not_found} for a profile that is not loaded.
void apply_labels(int proc, const std::string& apparmor_profile, const std::string& selinux_label);

}  // namespace ctr::runtime
