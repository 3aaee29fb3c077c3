// Resource limits of processes (setrlimit(2)) by name.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/spec.h"

namespace ctr::runtime {

// "RLIMIT_NOFILE", "nofile" → RLIMIT_NOFILE, in any case; nullopt for names that are none.
std::optional<int> find_rlimit(std::string_view name);

// Docker's --ulimit: "nofile=1024:2048", "nproc=64", "core=-1"; -1 is unlimited.
// Error{invalid_argument}.
Rlimit parse_ulimit(const std::string& text);

// What is really set for a limit: one chosen by us is clamped to `hard_now`, the hard limit that
// this process has, when it may not raise it; one that the user asked for is not. Pure.
Rlimit plan_rlimit(const Rlimit& wanted, uint64_t hard_now, bool may_raise);

// runs in: the container's first process, or an exec, while it still has the host's capabilities.
// Error{forbidden} if the user asked for more than this process may have.
void apply_rlimits(const std::vector<Rlimit>& limits);

}  // namespace ctr::runtime
