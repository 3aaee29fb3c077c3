// The classic BPF of a seccomp filter, from decisions about system call numbers. Internal to the
// compiler; knows nothing of names.
//
//   ld arch ─► jeq x86_64 ─► ld nr ─► a binary tree of jge over ranges of numbers with one decision
//   each
//           └► jeq …      ─► …
//           └► ret ENOSYS
//
// About eight comparisons lead to any call, where a list takes hundreds.
#pragma once

#include <linux/filter.h>

#include <cstdint>
#include <map>
#include <vector>

namespace ctr::runtime {

enum class Comparison { equal, not_equal, greater, greater_equal, less, less_equal, masked_equal };

struct ArgumentTest {
  uint32_t index = 0;
  Comparison comparison = Comparison::equal;
  uint64_t value = 0;  // of masked_equal, the mask
  uint64_t value_two = 0;
  bool is_32_bit = false;
};

// If all tests hold, the kernel gets `action` (SECCOMP_RET_*).
struct Clause {
  std::vector<ArgumentTest> tests;
  uint32_t action = 0;
};

// What happens to one architecture's calls.
struct SyscallDecisions {
  uint32_t audit_arch = 0;
  std::map<uint32_t, std::vector<Clause>> by_number;  // clauses in order; the last has no tests
  // From each number on, what is not in by_number gets this action. Starts at 0.
  std::map<uint32_t, uint32_t> otherwise;
};

// The whole program; calls of architectures that are not listed get `foreign_action`.
std::vector<sock_filter> make_filter(const std::vector<SyscallDecisions>& architectures,
                                     uint32_t foreign_action);

}  // namespace ctr::runtime
