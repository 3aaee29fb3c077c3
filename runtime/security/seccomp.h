// A compiled system call filter: loading it, and keeping it in a file. ctr-monitor needs no more
// than this; what makes filters is seccomp_compiler.h, in a library of its own.
#pragma once

#include <linux/filter.h>

#include <cstdint>
#include <string>
#include <vector>

#include "runtime/sys/unique_fd.h"

namespace ctr::runtime {

struct CompiledFilter {
  std::vector<sock_filter> program;
  uint32_t flags = 0;  // SECCOMP_FILTER_FLAG_*
};

// runs in: the container's first process, or an exec, right before its execve. Needs no_new_privs
// or CAP_SYS_ADMIN. Flags that only tune (SPEC_ALLOW, LOG) are left out where the kernel does not
// know them. Returns the notification descriptor with SECCOMP_FILTER_FLAG_NEW_LISTENER, else an
// empty one.
sys::UniqueFd load_filter(const CompiledFilter& filter);

// The program as an array of struct sock_filter, replaced atomically. Flags are kept by whoever
// refers to the file (Seccomp::filter_flags).
void write_filter(const std::string& path, const CompiledFilter& filter);
// Error{invalid_argument} unless the file is a whole number of instructions, 1 to 4096.
CompiledFilter read_filter(const std::string& path, uint32_t flags);

}  // namespace ctr::runtime
