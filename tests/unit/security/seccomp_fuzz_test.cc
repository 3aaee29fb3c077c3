// Random profiles against a reference that reads them as libseccomp's documentation does, rule by rule. The
// seeds are fixed, so that a failure comes again; CTR_FUZZ_ROUNDS makes it longer.
#include <doctest/doctest.h>

#include <algorithm>
#include <random>

#include "../fuzz_rounds.h"
#include "filter_evaluator.h"
#include "runtime/security/seccomp_compiler.h"
#include "runtime/security/syscall_table.h"
#include "runtime/sys/error.h"

using namespace ctr::runtime;

namespace {

struct Known {
  const char* name;
  uint32_t number;  // on x86_64
};
constexpr Known calls[] = {{"read", 0},    {"write", 1},  {"lseek", 8},   {"ioctl", 16},
                           {"getpid", 39}, {"socket", 41}, {"clone", 56}, {"personality", 135}};
constexpr const char* operators[] = {"SCMP_CMP_EQ", "SCMP_CMP_NE", "SCMP_CMP_GT", "SCMP_CMP_GE",
                                     "SCMP_CMP_LT", "SCMP_CMP_LE", "SCMP_CMP_MASKED_EQ"};

class Dice {
 public:
  explicit Dice(uint64_t seed) : random_(seed) {}
  size_t below(size_t limit) { return static_cast<size_t>(random_() % limit); }
  bool once_in(size_t count) { return below(count) == 0; }
  // Small, large, and around the edges of 32 and 64 bits.
  uint64_t number() {
    constexpr uint64_t edges[] = {0, 1, 2, 0x7fffffff, 0x80000000, 0xffffffff, 0x100000000,
                                  0x7fffffffffffffff, 0x8000000000000000, 0xffffffffffffffff};
    return once_in(3) ? random_() : edges[below(std::size(edges))] + below(3) - 1;
  }

 private:
  std::mt19937_64 random_;
};

// What a call's argument is to the kernel.
uint64_t seen(const char* name, uint32_t index, uint64_t value) {
  return is_32_bit_argument(name, index) ? value & 0xffffffff : value;
}

SeccompRule random_rule(Dice& dice) {
  SeccompRule rule;
  const Known& call = calls[dice.below(std::size(calls))];
  rule.names = {call.name};
  rule.action = dice.once_in(2) ? "SCMP_ACT_ALLOW" : "SCMP_ACT_ERRNO";
  if (rule.action == "SCMP_ACT_ERRNO") rule.errno_return = static_cast<uint32_t>(1 + dice.below(100));
  // At most one test of each argument: several of one are alternatives, which is another test's subject.
  for (uint32_t index = 0; index < 6; ++index) {
    if (!dice.once_in(4)) continue;
    rule.arguments.push_back({.index = index,
                              .value = seen(call.name, index, dice.number()),
                              .value_two = seen(call.name, index, dice.number()),
                              .op = operators[dice.below(std::size(operators))]});
  }
  return rule;
}

bool holds(const SeccompArgument& test, uint64_t value) {
  if (test.op == "SCMP_CMP_EQ") return value == test.value;
  if (test.op == "SCMP_CMP_NE") return value != test.value;
  if (test.op == "SCMP_CMP_GT") return value > test.value;
  if (test.op == "SCMP_CMP_GE") return value >= test.value;
  if (test.op == "SCMP_CMP_LT") return value < test.value;
  if (test.op == "SCMP_CMP_LE") return value <= test.value;
  return (value & test.value) == test.value_two;
}

uint32_t verdict_of(const SeccompRule& rule) {
  return rule.action == "SCMP_ACT_ALLOW" ? SECCOMP_RET_ALLOW
                                         : SECCOMP_RET_ERRNO | rule.errno_return.value_or(EPERM);
}

bool matches(const SeccompRule& rule, const Known& known, const Call& call) {
  return rule.names[0] == known.name &&
         std::all_of(rule.arguments.begin(), rule.arguments.end(), [&](const SeccompArgument& test) {
           return holds(test, seen(known.name, test.index, call.arguments[test.index]));
         });
}

// Rules with conditions come before those without, each kind in the profile's order.
uint32_t reference(const SeccompProfile& profile, const Known& known, const Call& call) {
  for (bool with_conditions : {true, false})
    for (const SeccompRule& rule : profile.rules)
      if (rule.arguments.empty() != with_conditions && matches(rule, known, call))
        return verdict_of(rule);
  return SECCOMP_RET_ERRNO | EPERM;
}

// Near what the rules ask about: a number at random meets no condition.
Call random_call(Dice& dice, const SeccompProfile& profile, uint32_t number) {
  Call call{.number = number};
  for (uint64_t& argument : call.arguments) argument = dice.number();
  for (const SeccompRule& rule : profile.rules)
    for (const SeccompArgument& test : rule.arguments)
      if (dice.once_in(2)) call.arguments[test.index] = test.value + dice.below(3) - 1;
  return call;
}

}  // namespace

TEST_CASE("compiled filters decide as their profiles say, whatever these are") {
  for (size_t round = 0; round < fuzz_rounds(1500); ++round) {
    Dice dice(round);
    SeccompProfile profile;
    profile.architectures = {"SCMP_ARCH_X86_64"};
    // Behind the last call that a profile knows, none exists: all of ours lie before this one.
    profile.rules.push_back({{"openat2"}, "SCMP_ACT_ALLOW", std::nullopt, {}});
    for (size_t count = 1 + dice.below(12); count > 0; --count)
      profile.rules.push_back(random_rule(dice));
    const CompiledFilter filter = compile_profile(profile);
    for (int i = 0; i < 40; ++i) {
      const Known& known = calls[dice.below(std::size(calls))];
      const Call call = random_call(dice, profile, known.number);
      const uint32_t expected = reference(profile, known, call);
      const uint32_t found = evaluate(filter.program, call);
      CAPTURE(round);
      CAPTURE(known.name);
      REQUIRE(found == expected);
    }
  }
}

TEST_CASE("texts that are no profile are refused by an error, and by nothing else") {
  const std::string good = R"({"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 1,
    "archMap": [{"architecture": "SCMP_ARCH_X86_64", "subArchitectures": ["SCMP_ARCH_X86"]}],
    "syscalls": [{"names": ["read", "write"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 0, "value": 7,
    "valueTwo": 0, "op": "SCMP_CMP_EQ"}], "includes": {"caps": ["CAP_SYS_ADMIN"], "minKernel": "4.8"},
    "excludes": {"arches": ["arm"]}}]})";
  const SeccompContext context{.capabilities = 0, .kernel_major = 6, .kernel_minor = 1,
                               .architecture = "SCMP_ARCH_X86_64"};
  for (size_t round = 0; round < fuzz_rounds(3000); ++round) {
    Dice dice(round);
    std::string text = good;
    for (size_t changes = 1 + dice.below(4); changes > 0; --changes) {
      const size_t at = dice.below(text.size());
      if (dice.once_in(3)) text.erase(at, 1 + dice.below(8));
      else if (dice.once_in(2)) text.insert(at, text.substr(dice.below(text.size()), dice.below(30)));
      else text[at] = static_cast<char>(dice.below(256));
      if (text.empty()) text = "x";
    }
    try {
      (void)compile_profile(parse_profile(text, context));
    } catch (const ctr::sys::Error&) {
      // Refused, with a reason.
    }
  }
}
