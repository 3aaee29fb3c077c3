// The AppArmor profile of containers, where the kernel has AppArmor: one more barrier in front of what the
// masks, the capabilities and the system call filter keep from them already. Runs in: ctrd, at its start.
#pragma once

#include <functional>
#include <string>

namespace ctr::daemon {

inline constexpr const char* apparmor_profile_name = "ctr-default";
inline constexpr const char* apparmor_unconfined = "unconfined";

// In AppArmor's language, apparmor.d(5). Pure.
std::string apparmor_profile_text();

// Loads it, unless it is there already; `directory`, which does not outlive a reboot, remembers which text was
// loaded. Returns the name for containers that ask for no other: empty where there is no AppArmor, or,
// with a warning, no parser for its language.
std::string prepare_apparmor(const std::string& directory,
                             const std::function<void(const std::string&)>& warn);

}  // namespace ctr::daemon
