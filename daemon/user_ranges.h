// The ids of containers with user namespaces: which range of the host's each has. One of its own
// with
// --userns=auto, the same for all with the daemon's --userns-remap=USER. Ranges are not on disk:
// idmapped mounts keep the containers' own ids there, so that a range may go from one container to
// the next. A daemon that starts finds those of the containers that run in their specifications.
// Owned by Launcher. Runs in: ctrd. Thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>

#include "image/id_range.h"

namespace ctr::daemon {

class UserRanges {
 public:
  // dockerd's --userns-remap: "" (none), "default", "user", "user:group", numbers for names; "auto"
  // is ours. Throws Error{invalid_argument} that says what is missing in /etc/subuid or
  // /etc/subgid.
  explicit UserRanges(const std::string& setting);

  // The range of a container that starts and asks for `mode` (HostConfig.UsernsMode: "", "host",
  // "auto", "auto:size=N"), which it has until give_back(). No range: it has no user namespace.
  // Throws Error{invalid_argument} for another mode, {unavailable} when all ranges are taken.
  image::IdRanges take(const std::string& container, const std::string& mode);
  // Of a container that has it already, or that joins the user namespace of another.
  void hold(const std::string& container, const image::IdRanges& ranges);
  void give_back(const std::string& container);
  // No range: it has no user namespace, or does not run.
  image::IdRanges find(const std::string& container) const;

  // Whether a container has a user namespace that does not say.
  bool by_default() const { return !setting_.empty(); }

 private:
  uint32_t find_free(uint32_t size) const;

  std::string setting_;
  image::IdRanges fixed_;
  mutable std::mutex mutex_;
  std::map<std::string, image::IdRanges> held_;  // by container
};

// Whether a container that asks for `mode` is to have a user namespace; `by_default` as above.
// Pure.
bool wants_user_namespace(const std::string& mode, bool by_default);
// How many ids "auto" and "auto:size=N" ask for. Throws Error{invalid_argument} for anything else.
// Pure.
uint32_t parse_auto_size(const std::string& mode);
// The first range of `name` (or of the number `id`) in the text of subuid(5). Pure.
image::IdRange find_subordinate_range(const std::string& text, const std::string& name,
                                      const std::string& id);

}  // namespace ctr::daemon
