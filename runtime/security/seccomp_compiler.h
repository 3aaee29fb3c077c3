// From a seccomp profile to a program for the kernel. Used by ctrd, which caches the result, and by
// ctr-runtime; ctr-monitor does not link it.
//
// libseccomp knows the numbers of every architecture's system calls; the program is generated here,
// because its code has no number for names newer than itself, compares 32-bit arguments as 64-bit
// ones (socket(1UL << 32 | AF_VSOCK) slips through) and tests numbers one after the other.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "runtime/security/seccomp.h"
#include "runtime/spec.h"

namespace ctr::runtime {

// What a profile's conditions are evaluated against.
struct SeccompContext {
  uint64_t capabilities = 0;  // mask of the container's bounding set
  int kernel_major = 0;
  int kernel_minor = 0;
  std::string architecture;  // "SCMP_ARCH_X86_64", "SCMP_ARCH_AARCH64" …
  // 386 programs on amd64, arm ones on arm64. Otherwise calls of an architecture other than the
  // container's fail with ENOSYS: they are a second way to everything that the filter refuses.
  bool allow_foreign_architectures = false;
};
// This machine: its architecture and running kernel.
SeccompContext native_seccomp_context(uint64_t capabilities);

// Docker's default profile (isolation.md, section 8) for this context. Pure.
SeccompProfile default_profile(const SeccompContext& context);

// Docker's profile format (--security-opt seccomp=FILE), conditions resolved for the context.
// Error{invalid_argument} that names the place and the value. At most 1 MiB, 10 000 rules. Pure.
SeccompProfile parse_profile(std::string_view json, const SeccompContext& context);

// The program. For each system call, the first rule in the profile's order whose conditions hold
// decides, rules with conditions coming before those without; no rule: the default action. Names
// that are nobody's system call are skipped. Calls newer than all that the profile mentions fail
// with ENOSYS, so that programs fall back to older ones, unless the default action lets calls pass.
// Arguments that the kernel itself takes as 32-bit numbers are compared as such.
// Error{invalid_argument} for unknown actions, operators, architectures, flags, and for profiles
// that make more than the kernel's 4096 instructions. Pure.
CompiledFilter compile_profile(const SeccompProfile& profile);

}  // namespace ctr::runtime
