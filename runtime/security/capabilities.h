// Capabilities: their names, Docker's rules about adding and dropping, and the calls that set them.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/spec.h"

namespace ctr::runtime {

inline constexpr unsigned capability_count = 41;  // CAP_CHECKPOINT_RESTORE is 40
inline constexpr uint64_t all_capabilities = (uint64_t{1} << capability_count) - 1;
// What Docker gives a container: CHOWN DAC_OVERRIDE FSETID FOWNER MKNOD NET_RAW SETGID SETUID
// SETFCAP SETPCAP NET_BIND_SERVICE SYS_CHROOT KILL AUDIT_WRITE.
inline constexpr uint64_t default_capabilities = 0xa80425fb;

// "CAP_NET_ADMIN", "net_admin" → 12, in any case; nullopt for names that are none.
std::optional<unsigned> find_capability(std::string_view name);
std::string_view capability_name(unsigned number);  // 12 → "CAP_NET_ADMIN"
std::vector<std::string> capability_names(uint64_t mask);
// Names → mask, "ALL" for all; Error{invalid_argument} `unknown capability: "CAP_FOO"`.
uint64_t parse_capabilities(const std::vector<std::string>& names);

// Docker's --cap-add and --cap-drop on top of `base`: ALL in `add` is everything but what is
// dropped, ALL in `drop` is nothing but what is added, else drops come before adds. Errors carry
// Docker's prefix ("invalid CapAdd: unknown capability: …"). Pure.
uint64_t plan_capabilities(uint64_t base, const std::vector<std::string>& add,
                           const std::vector<std::string>& drop);
// The sets of a container's process that may have `mask`: inheritable and ambient are empty, so
// that a file's inheritable capabilities give nothing (CVE-2022-24769), and a process that is not
// root has only the bound, as after an execve.
Capabilities process_capabilities(uint64_t mask, uid_t uid);

// Those that the running kernel knows and that this process may give away (its bounding set).
uint64_t available_capabilities();

// In this order, around the change of identity:
//   limit_bounding_set(caps.bounding); keep_capabilities(true); setresuid(…);
//   set_capabilities(caps);
// What the kernel does not know, or this process lacks itself, is left out: engines ask for everything
// (--privileged) where not everything can be had.
void limit_bounding_set(uint64_t mask);
void keep_capabilities(bool keep);  // across setresuid(2)
void set_capabilities(const Capabilities& capabilities);

}  // namespace ctr::runtime
