#include "runtime/security/seccomp_compiler.h"

#include <linux/seccomp.h>
#include <sys/utsname.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>

#include "runtime/security/filter_code.h"
#include "runtime/security/syscall_table.h"
#include "runtime/sys/error.h"

namespace ctr::runtime {

using sys::Error;
using sys::ErrorKind;

namespace {

constexpr uint32_t max_errno = 4095;
constexpr uint32_t not_implemented = SECCOMP_RET_ERRNO | ENOSYS;

[[noreturn]] void refuse(const std::string& text) {
  throw Error(ErrorKind::invalid_argument, "invalid seccomp profile: " + text);
}

uint32_t action_of(const std::string& name, const std::optional<uint32_t>& error) {
  const uint32_t data = error.value_or(EPERM);
  if (data > max_errno) refuse(fmt::format("errnoRet {} is above {}", data, max_errno));
  if (name == "SCMP_ACT_ALLOW") return SECCOMP_RET_ALLOW;
  if (name == "SCMP_ACT_ERRNO") return SECCOMP_RET_ERRNO | data;
  if (name == "SCMP_ACT_KILL" || name == "SCMP_ACT_KILL_THREAD") return SECCOMP_RET_KILL_THREAD;
  if (name == "SCMP_ACT_KILL_PROCESS") return SECCOMP_RET_KILL_PROCESS;
  if (name == "SCMP_ACT_TRAP") return SECCOMP_RET_TRAP;
  if (name == "SCMP_ACT_TRACE") return SECCOMP_RET_TRACE | data;
  if (name == "SCMP_ACT_LOG") return SECCOMP_RET_LOG;
  if (name == "SCMP_ACT_NOTIFY") return SECCOMP_RET_USER_NOTIF;
  refuse(fmt::format("unknown action '{}'", name));
}

Comparison comparison_of(const std::string& name) {
  if (name == "SCMP_CMP_EQ") return Comparison::equal;
  if (name == "SCMP_CMP_NE") return Comparison::not_equal;
  if (name == "SCMP_CMP_GT") return Comparison::greater;
  if (name == "SCMP_CMP_GE") return Comparison::greater_equal;
  if (name == "SCMP_CMP_LT") return Comparison::less;
  if (name == "SCMP_CMP_LE") return Comparison::less_equal;
  if (name == "SCMP_CMP_MASKED_EQ") return Comparison::masked_equal;
  refuse(fmt::format("unknown operator '{}'", name));
}

uint32_t flag_of(const std::string& name) {
  if (name == "SECCOMP_FILTER_FLAG_TSYNC") return SECCOMP_FILTER_FLAG_TSYNC;
  if (name == "SECCOMP_FILTER_FLAG_LOG") return SECCOMP_FILTER_FLAG_LOG;
  if (name == "SECCOMP_FILTER_FLAG_SPEC_ALLOW") return SECCOMP_FILTER_FLAG_SPEC_ALLOW;
  if (name == "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV")
    return SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV;
  refuse(fmt::format("unknown flag '{}'", name));
}

ArgumentTest test_of(const SeccompArgument& argument, std::string_view syscall) {
  if (argument.index > 5)
    refuse(fmt::format("argument index {} of '{}': a system call has arguments 0 to 5",
                       argument.index, syscall));
  return {argument.index, comparison_of(argument.op), argument.value, argument.value_two,
          is_32_bit_argument(syscall, argument.index)};
}

// Tests of different arguments hold together. Where one argument is tested twice, the rule is a
// list of alternatives: that is what runc makes of it, and profiles rely on it.
std::vector<Clause> clauses_of(const SeccompRule& rule, std::string_view syscall, uint32_t action) {
  std::vector<ArgumentTest> tests;
  uint32_t seen = 0;
  bool is_alternatives = false;
  for (const SeccompArgument& argument : rule.arguments) {
    tests.push_back(test_of(argument, syscall));
    const uint32_t bit = 1u << argument.index;
    is_alternatives |= (seen & bit) != 0;
    seen |= bit;
  }
  if (!is_alternatives) return {{tests, action}};
  std::vector<Clause> clauses;
  for (const ArgumentTest& test : tests) clauses.push_back({{test}, action});
  return clauses;
}

// Conditions first, then the first rule without; the default action if there is none.
void settle(std::vector<Clause>& clauses, uint32_t default_action) {
  std::stable_partition(clauses.begin(), clauses.end(),
                        [](const Clause& clause) { return !clause.tests.empty(); });
  const auto last = std::find_if(clauses.begin(), clauses.end(),
                                 [](const Clause& clause) { return clause.tests.empty(); });
  if (last == clauses.end())
    clauses.push_back({{}, default_action});
  else
    clauses.erase(last + 1, clauses.end());
}

// Programs must see "no such call" from a kernel that is newer than the profile, and fall back.
bool hides_new_calls(uint32_t default_action) {
  const uint32_t kind = default_action & SECCOMP_RET_ACTION_FULL;
  return kind != SECCOMP_RET_ALLOW && kind != SECCOMP_RET_LOG && kind != SECCOMP_RET_TRACE;
}

class Compiler {
 public:
  explicit Compiler(const SeccompProfile& profile)
      : profile_(profile),
        default_action_(action_of(profile.default_action, profile.default_errno)) {
    if (default_action_ == SECCOMP_RET_USER_NOTIF)
      refuse("SCMP_ACT_NOTIFY cannot be the default action");
  }

  CompiledFilter compile();

 private:
  void add_architecture(const std::string& name);
  uint32_t flags() const;

  const SeccompProfile& profile_;
  uint32_t default_action_;
  std::vector<SyscallDecisions> decisions_;
};

void Compiler::add_architecture(const std::string& name) {
  const SyscallArchitecture* architecture = find_architecture(name);
  if (!architecture) refuse(fmt::format("unknown architecture '{}'", name));
  auto place = std::find_if(decisions_.begin(), decisions_.end(), [&](const SyscallDecisions& d) {
    return d.audit_arch == architecture->audit_arch;
  });
  if (place == decisions_.end()) {
    SyscallDecisions fresh;
    fresh.audit_arch = architecture->audit_arch;
    const SyscallArchitecture* x32 = find_architecture("SCMP_ARCH_X32");
    fresh.otherwise[0] = default_action_;
    // Both halves of x86_64's numbers are refused until their architecture is listed. (S02)
    if (architecture->audit_arch == x32->audit_arch) fresh.otherwise[x32_bit] = not_implemented;
    if (architecture == x32) fresh.otherwise[0] = not_implemented;
    place = decisions_.insert(decisions_.end(), std::move(fresh));
  }
  const uint32_t first = name == "SCMP_ARCH_X32" ? x32_bit : 0;
  place->otherwise[first] = default_action_;
  std::map<uint32_t, std::vector<Clause>> found;
  for (const SeccompRule& rule : profile_.rules) {
    const uint32_t action = action_of(rule.action, rule.errno_return);
    for (const std::string& syscall : rule.names)
      for (Clause& clause : clauses_of(rule, syscall, action))
        if (const auto number = find_syscall(syscall, *architecture))
          found[*number].push_back(std::move(clause));
  }
  if (!found.empty() && hides_new_calls(default_action_))
    place->otherwise.insert({found.rbegin()->first + 1, not_implemented});
  for (auto& [number, clauses] : found) settle(clauses, default_action_);
  place->by_number.merge(found);
}

uint32_t Compiler::flags() const {
  uint32_t flags = 0;
  for (const std::string& name : profile_.flags) flags |= flag_of(name);
  // As runc: without it, processes under a filter run with speculation mitigations that cost up to
  // a third of their speed on kernels before 5.16.
  if (profile_.flags.empty()) flags = SECCOMP_FILTER_FLAG_SPEC_ALLOW;
  const bool notifies =
      std::any_of(profile_.rules.begin(), profile_.rules.end(),
                  [](const SeccompRule& rule) { return rule.action == "SCMP_ACT_NOTIFY"; });
  return notifies ? flags | SECCOMP_FILTER_FLAG_NEW_LISTENER : flags;
}

CompiledFilter Compiler::compile() {
  std::vector<std::string> architectures = profile_.architectures;
  if (architectures.empty()) architectures.emplace_back(native_architecture().name);
  std::sort(architectures.begin(), architectures.end());
  architectures.erase(std::unique(architectures.begin(), architectures.end()), architectures.end());
  // This machine's own first: most calls are its.
  std::stable_partition(architectures.begin(), architectures.end(),
                        [](const std::string& name) { return name == native_architecture().name; });
  for (const std::string& name : architectures) add_architecture(name);
  CompiledFilter filter{make_filter(decisions_, not_implemented), flags()};
  if (filter.program.size() > BPF_MAXINSNS)
    refuse(fmt::format("it makes {} instructions, of which the kernel takes {}",
                       filter.program.size(), BPF_MAXINSNS));
  return filter;
}

}  // namespace

CompiledFilter compile_profile(const SeccompProfile& profile) {
  return Compiler(profile).compile();
}

SeccompContext native_seccomp_context(uint64_t capabilities) {
  SeccompContext context;
  context.capabilities = capabilities;
  context.architecture = native_architecture().name;
  utsname name{};
  sys::check(::uname(&name), "uname");
  std::sscanf(name.release, "%d.%d", &context.kernel_major, &context.kernel_minor);
  return context;
}

}  // namespace ctr::runtime
