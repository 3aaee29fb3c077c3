// What a compiled system call filter says to a call. Used before the filter is loaded, to plan what must be
// done before it. Pure.
#pragma once

#include <array>
#include <cstdint>

#include "runtime/security/seccomp.h"

namespace ctr::runtime {

struct FilterQuestion {
  uint32_t number = 0;
  std::array<uint64_t, 6> arguments{};
  uint32_t architecture = 0;  // AUDIT_ARCH_…; 0: this machine's
};

// SECCOMP_RET_… with its data. Error{invalid_argument} for a program that the compiler does not make.
uint32_t filter_verdict(const CompiledFilter& filter, const FilterQuestion& question);

// True if the call is let through as it is.
bool filter_allows(const CompiledFilter& filter, const FilterQuestion& question);

}  // namespace ctr::runtime
