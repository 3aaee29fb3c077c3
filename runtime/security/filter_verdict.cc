#include "runtime/security/filter_verdict.h"

#include <linux/audit.h>
#include <linux/seccomp.h>

#include <cstring>

#include "runtime/sys/error.h"

namespace ctr::runtime {

namespace {

#if defined(__x86_64__)
constexpr uint32_t native_architecture = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
constexpr uint32_t native_architecture = AUDIT_ARCH_AARCH64;
#else
#error "the audit number of this architecture is missing"
#endif

[[noreturn]] void refuse(const char* what) {
  throw sys::Error(sys::ErrorKind::invalid_argument, fmt::format("seccomp filter: {}", what));
}

uint32_t load_word(const seccomp_data& data, uint32_t offset) {
  if (offset > sizeof data - sizeof(uint32_t)) refuse("a load from outside of the call");
  uint32_t word = 0;
  std::memcpy(&word, reinterpret_cast<const char*>(&data) + offset, sizeof word);
  return word;
}

bool holds(const sock_filter& jump, uint32_t accumulator) {
  switch (jump.code) {
    case BPF_JMP | BPF_JEQ | BPF_K:
      return accumulator == jump.k;
    case BPF_JMP | BPF_JGT | BPF_K:
      return accumulator > jump.k;
    case BPF_JMP | BPF_JGE | BPF_K:
      return accumulator >= jump.k;
    case BPF_JMP | BPF_JSET | BPF_K:
      return (accumulator & jump.k) != 0;
    default:
      refuse("an unknown instruction");
  }
}

}  // namespace

uint32_t filter_verdict(const CompiledFilter& filter, const FilterQuestion& question) {
  seccomp_data data{};
  data.nr = static_cast<int>(question.number);
  data.arch = question.architecture != 0 ? question.architecture : native_architecture;
  std::memcpy(data.args, question.arguments.data(), sizeof data.args);
  uint32_t accumulator = 0;
  // Jumps lead forwards only: it ends.
  for (size_t at = 0; at < filter.program.size();) {
    const sock_filter& instruction = filter.program[at++];
    switch (instruction.code) {
      case BPF_LD | BPF_W | BPF_ABS:
        accumulator = load_word(data, instruction.k);
        break;
      case BPF_ALU | BPF_AND | BPF_K:
        accumulator &= instruction.k;
        break;
      case BPF_JMP | BPF_JA:
        at += instruction.k;
        break;
      case BPF_RET | BPF_K:
        return instruction.k;
      default:
        at += holds(instruction, accumulator) ? instruction.jt : instruction.jf;
    }
  }
  refuse("it has no end");
}

bool filter_allows(const CompiledFilter& filter, const FilterQuestion& question) {
  const uint32_t action = filter_verdict(filter, question) & SECCOMP_RET_ACTION_FULL;
  return action == SECCOMP_RET_ALLOW || action == SECCOMP_RET_LOG;
}

}  // namespace ctr::runtime
