// Asks a seccomp program as the kernel would.
#pragma once

#include <doctest/doctest.h>
#include <linux/audit.h>
#include <linux/seccomp.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <vector>

#include "runtime/security/filter_verdict.h"

struct Call {
  uint32_t number = 0;
  std::array<uint64_t, 6> arguments{};
  uint32_t architecture = AUDIT_ARCH_X86_64;
};

inline uint32_t evaluate(const std::vector<sock_filter>& program, const Call& call) {
  return ctr::runtime::filter_verdict({program, 0},
                                      {call.number, call.arguments, call.architecture});
}

inline constexpr uint32_t allowed = SECCOMP_RET_ALLOW;
inline constexpr uint32_t not_permitted = SECCOMP_RET_ERRNO | EPERM;
inline constexpr uint32_t no_such_call = SECCOMP_RET_ERRNO | ENOSYS;
