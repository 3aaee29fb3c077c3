// Runs a seccomp program as the kernel would.
#pragma once

#include <doctest/doctest.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <vector>

struct Call {
  uint32_t number = 0;
  std::array<uint64_t, 6> arguments{};
  uint32_t architecture = AUDIT_ARCH_X86_64;
};

inline uint32_t evaluate(const std::vector<sock_filter>& program, const Call& call) {
  seccomp_data data{};
  data.nr = static_cast<int>(call.number);
  data.arch = call.architecture;
  std::memcpy(data.args, call.arguments.data(), sizeof data.args);
  uint32_t accumulator = 0;
  for (size_t at = 0; at < program.size();) {
    const sock_filter& insn = program[at++];
    switch (insn.code) {
      case BPF_LD | BPF_W | BPF_ABS:
        REQUIRE(insn.k + 4 <= sizeof data);
        std::memcpy(&accumulator, reinterpret_cast<const char*>(&data) + insn.k, 4);
        break;
      case BPF_ALU | BPF_AND | BPF_K:
        accumulator &= insn.k;
        break;
      case BPF_JMP | BPF_JA:
        at += insn.k;
        break;
      case BPF_JMP | BPF_JEQ | BPF_K:
        at += accumulator == insn.k ? insn.jt : insn.jf;
        break;
      case BPF_JMP | BPF_JGT | BPF_K:
        at += accumulator > insn.k ? insn.jt : insn.jf;
        break;
      case BPF_JMP | BPF_JGE | BPF_K:
        at += accumulator >= insn.k ? insn.jt : insn.jf;
        break;
      case BPF_RET | BPF_K:
        return insn.k;
      default:
        FAIL("unknown instruction ", insn.code);
    }
  }
  FAIL("the program has no end");
  return 0;
}

inline constexpr uint32_t allowed = SECCOMP_RET_ALLOW;
inline constexpr uint32_t not_permitted = SECCOMP_RET_ERRNO | EPERM;
inline constexpr uint32_t no_such_call = SECCOMP_RET_ERRNO | ENOSYS;
