// Hooks: programs that the caller of an OCI runtime has run at moments of a container's life, each
// with the container's state on its standard input. (OCI runtime-spec, config.md, "POSIX-platform
// Hooks".) runs in: ctr-runtime; createContainer and startContainer hooks in the container's first
// process.
#pragma once

#include <string>
#include <vector>

#include "runtime/spec.h"

namespace ctr::runtime {

// What a hook is told of the container, but for its status and its process.
struct HookState {
  std::string id;
  std::string bundle;
};
// The state's JSON (runtime-spec, runtime.md, "State"). Pure.
std::string hook_state_json(const ContainerSpec& spec, const HookState& state,
                            const std::string& status, int pid);

// Runs them one after the other; `kind` is the member's name in config.json ("prestart"). Throws
// Error{internal} that names the first hook that fails, with what it said, or takes longer than its
// timeout: that one is killed.
void run_hooks(const std::vector<Hook>& hooks, const std::string& kind, const std::string& state);

// Throws Error{invalid_argument} that names the field: no absolute path, a timeout below one
// second.
void check_hooks(const Hooks& hooks);

}  // namespace ctr::runtime
