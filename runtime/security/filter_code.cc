#include "runtime/security/filter_code.h"

#include <linux/seccomp.h>

#include <algorithm>
#include <cstddef>

#include "runtime/security/syscall_table.h"

namespace ctr::runtime {

namespace {

using Code = std::vector<sock_filter>;

sock_filter statement(int code, uint32_t k) {
  return {static_cast<uint16_t>(code), 0, 0, k};
}
sock_filter jump(int operation, uint32_t k, size_t if_true, size_t if_false) {
  return {static_cast<uint16_t>(BPF_JMP | operation | BPF_K), static_cast<uint8_t>(if_true),
          static_cast<uint8_t>(if_false), k};
}
sock_filter load(size_t offset) {
  return statement(BPF_LD | BPF_W | BPF_ABS, static_cast<uint32_t>(offset));
}
sock_filter give(uint32_t action) {
  return statement(BPF_RET | BPF_K, action);
}

void append(Code& code, const Code& more) {
  code.insert(code.end(), more.begin(), more.end());
}

bool is_same(const sock_filter& a, const sock_filter& b) {
  return a.code == b.code && a.jt == b.jt && a.jf == b.jf && a.k == b.k;
}
bool is_same(const Code& a, const Code& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const sock_filter& x, const sock_filter& y) { return is_same(x, y); });
}

// --- tests of arguments --------------------------------------------------------------------------

// One comparison on the accumulator: where to go if it holds and if not.
enum class Target { next, pass, fail };
struct Step {
  sock_filter instruction;
  Target if_true = Target::next;
  Target if_false = Target::next;
};

Step loading(size_t offset) {
  return {load(offset)};
}
Step masking(uint64_t mask) {
  return {statement(BPF_ALU | BPF_AND | BPF_K, static_cast<uint32_t>(mask))};
}
Step comparing(int operation, uint64_t value, Target if_true, Target if_false) {
  return {jump(operation, static_cast<uint32_t>(value), 0, 0), if_true, if_false};
}

// The upper halves: they decide, unless they are equal.
void compare_upper(const ArgumentTest& test, std::vector<Step>& steps) {
  const uint64_t upper = test.value >> 32;
  switch (test.comparison) {
    case Comparison::equal:
      steps.push_back(comparing(BPF_JEQ, upper, Target::next, Target::fail));
      break;
    case Comparison::not_equal:
      steps.push_back(comparing(BPF_JEQ, upper, Target::next, Target::pass));
      break;
    case Comparison::greater:
    case Comparison::greater_equal:
      steps.push_back(comparing(BPF_JGT, upper, Target::pass, Target::next));
      steps.push_back(comparing(BPF_JEQ, upper, Target::next, Target::fail));
      break;
    case Comparison::less:
    case Comparison::less_equal:
      steps.push_back(comparing(BPF_JGT, upper, Target::fail, Target::next));
      steps.push_back(comparing(BPF_JEQ, upper, Target::next, Target::pass));
      break;
    case Comparison::masked_equal:
      steps.push_back(masking(upper));
      steps.push_back(comparing(BPF_JEQ, test.value_two >> 32, Target::next, Target::fail));
      break;
  }
}

void compare_lower(const ArgumentTest& test, std::vector<Step>& steps) {
  switch (test.comparison) {
    case Comparison::equal:
      steps.push_back(comparing(BPF_JEQ, test.value, Target::pass, Target::fail));
      break;
    case Comparison::not_equal:
      steps.push_back(comparing(BPF_JEQ, test.value, Target::fail, Target::pass));
      break;
    case Comparison::greater:
      steps.push_back(comparing(BPF_JGT, test.value, Target::pass, Target::fail));
      break;
    case Comparison::greater_equal:
      steps.push_back(comparing(BPF_JGE, test.value, Target::pass, Target::fail));
      break;
    case Comparison::less:
      steps.push_back(comparing(BPF_JGE, test.value, Target::fail, Target::pass));
      break;
    case Comparison::less_equal:
      steps.push_back(comparing(BPF_JGT, test.value, Target::fail, Target::pass));
      break;
    case Comparison::masked_equal:
      steps.push_back(masking(test.value));
      steps.push_back(comparing(BPF_JEQ, test.value_two, Target::pass, Target::fail));
      break;
  }
}

// An order relative to a number above all 32-bit ones does not depend on the argument.
ArgumentTest saturated(ArgumentTest test) {
  if (!test.is_32_bit || test.value <= UINT32_MAX) return test;
  if (test.comparison == Comparison::greater_equal) test.comparison = Comparison::greater;
  if (test.comparison == Comparison::less) test.comparison = Comparison::less_equal;
  if (test.comparison == Comparison::greater || test.comparison == Comparison::less_equal)
    test.value = UINT32_MAX;
  return test;
}

std::vector<Step> steps_of(const ArgumentTest& given, bool little_endian) {
  const ArgumentTest test = saturated(given);
  const size_t word = offsetof(seccomp_data, args) + 8 * size_t{test.index};
  std::vector<Step> steps;
  if (!test.is_32_bit) {
    steps.push_back(loading(word + (little_endian ? 4 : 0)));
    compare_upper(test, steps);
  }
  steps.push_back(loading(word + (little_endian ? 0 : 4)));
  compare_lower(test, steps);
  return steps;
}

// The clause's tests, then its action; a test that fails goes to what follows the clause. Built
// from its end, so that all distances are known.
Code code_of(const Clause& clause, bool little_endian) {
  Code code{give(clause.action)};
  for (auto test = clause.tests.rbegin(); test != clause.tests.rend(); ++test) {
    const std::vector<Step> steps = steps_of(*test, little_endian);
    Code front;
    for (size_t i = 0; i < steps.size(); ++i) {
      const size_t to_pass = steps.size() - i - 1;
      const auto distance = [&](Target target) {
        return static_cast<uint8_t>(target == Target::next   ? 0
                                    : target == Target::pass ? to_pass
                                                             : to_pass + code.size());
      };
      sock_filter instruction = steps[i].instruction;
      instruction.jt = distance(steps[i].if_true);
      instruction.jf = distance(steps[i].if_false);
      front.push_back(instruction);
    }
    append(front, code);
    code = std::move(front);
  }
  return code;
}

// --- the tree of numbers -------------------------------------------------------------------------

struct Range {
  uint32_t first = 0;  // up to the next range's first
  Code code;
};

void append_range(std::vector<Range>& ranges, uint32_t first, Code code) {
  if (!ranges.empty() && ranges.back().first == first) ranges.pop_back();
  if (!ranges.empty() && is_same(ranges.back().code, code)) return;
  ranges.push_back({first, std::move(code)});
}

std::vector<Range> ranges_of(const SyscallDecisions& decisions) {
  const bool little_endian = is_little_endian(decisions.audit_arch);
  std::map<uint32_t, Code> starts;
  for (const auto& [first, action] : decisions.otherwise) starts[first] = {give(action)};
  for (const auto& [number, clauses] : decisions.by_number) {
    Code code;
    for (const Clause& clause : clauses) append(code, code_of(clause, little_endian));
    starts[number] = std::move(code);
    // What comes after this number is again what its surroundings are.
    const uint32_t next = number + 1;
    if (next != 0 && !decisions.by_number.contains(next))
      starts[next] = {give(std::prev(decisions.otherwise.upper_bound(next))->second)};
  }
  std::vector<Range> ranges;
  for (auto& [first, code] : starts) append_range(ranges, first, std::move(code));
  return ranges;
}

Code tree_of(const std::vector<Range>& ranges, size_t begin, size_t end) {
  if (end - begin == 1) return ranges[begin].code;
  const size_t middle = begin + (end - begin) / 2;
  const Code below = tree_of(ranges, begin, middle);
  Code code;
  if (below.size() <= 255) {
    code.push_back(jump(BPF_JGE, ranges[middle].first, below.size(), 0));
  } else {  // a conditional jump reaches 255 instructions
    code.push_back(jump(BPF_JGE, ranges[middle].first, 0, 1));
    code.push_back(statement(BPF_JMP | BPF_JA, static_cast<uint32_t>(below.size())));
  }
  append(code, below);
  append(code, tree_of(ranges, middle, end));
  return code;
}

}  // namespace

std::vector<sock_filter> make_filter(const std::vector<SyscallDecisions>& architectures,
                                     uint32_t foreign_action) {
  Code code{load(offsetof(seccomp_data, arch))};
  for (const SyscallDecisions& decisions : architectures) {
    const std::vector<Range> ranges = ranges_of(decisions);
    Code block{load(offsetof(seccomp_data, nr))};
    append(block, tree_of(ranges, 0, ranges.size()));
    code.push_back(jump(BPF_JEQ, decisions.audit_arch, 1, 0));
    code.push_back(statement(BPF_JMP | BPF_JA, static_cast<uint32_t>(block.size())));
    append(code, block);
  }
  code.push_back(give(foreign_action));
  return code;
}

}  // namespace ctr::runtime
