// The default profile as the kernel will see it: every system call of x86_64 against the reference.
#include <doctest/doctest.h>
#include <linux/capability.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>

#include "filter_evaluator.h"
#include "runtime/security/capabilities.h"
#include "runtime/security/seccomp_compiler.h"
#include "x86_64_calls.h"

using namespace ctr::runtime;

namespace {

std::vector<std::string> split_words(std::string_view text) {
  std::vector<std::string> words;
  while (!text.empty()) {
    const size_t end = std::min(text.find(' '), text.size());
    if (end > 0) words.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return words;
}

std::set<std::string> word_set(std::string_view text) {
  const auto words = split_words(text);
  return {words.begin(), words.end()};
}

std::vector<std::string> numbers() {
  return split_words(names_by_number);
}

uint32_t number_of(const std::string& name) {
  const auto& list = numbers();
  const auto found = std::find(list.begin(), list.end(), name);
  REQUIRE(found != list.end());
  return static_cast<uint32_t>(found - list.begin());
}

SeccompContext context_with(uint64_t capabilities) {
  return {capabilities, 6, 18, "SCMP_ARCH_X86_64", false};
}

std::vector<sock_filter> program_with(uint64_t capabilities) {
  return compile_profile(default_profile(context_with(capabilities))).program;
}

constexpr uint64_t bit(unsigned number) {
  return uint64_t{1} << number;
}

// What a capability may open: section 8, point 6.
const std::map<unsigned, std::string_view> opened_by = {
    {CAP_DAC_READ_SEARCH, "open_by_handle_at"},
    {CAP_SYS_ADMIN,
     "bpf clone3 fanotify_init fsconfig fsmount fsopen fspick lookup_dcookie lsm_get_self_attr "
     "lsm_list_modules lsm_set_self_attr mount mount_setattr move_mount open_tree perf_event_open "
     "quotactl quotactl_fd setdomainname sethostname setns syslog umount2 unshare"},
    {CAP_SYS_BOOT, "reboot"},
    {CAP_SYS_MODULE, "delete_module init_module finit_module"},
    {CAP_SYS_PACCT, "acct"},
    {CAP_SYS_PTRACE, "kcmp pidfd_getfd process_madvise"},
    {CAP_SYS_RAWIO, "iopl ioperm"},
    {CAP_SYS_TIME, "settimeofday clock_settime"},
    {CAP_SYS_TTY_CONFIG, "vhangup"},
    {CAP_SYS_NICE, "get_mempolicy mbind set_mempolicy set_mempolicy_home_node"},
    {CAP_SYSLOG, "syslog"},
    {CAP_BPF, "bpf"},
    {CAP_PERFMON, "perf_event_open"},
};

}  // namespace

TEST_CASE("every x86_64 call is allowed or refused as the reference says (S04)") {
  const auto program = program_with(default_capabilities);
  const auto always = word_set(allowed_always);
  const auto by_capability = word_set(opened_by_capability);
  const auto never = word_set(never_allowed);
  const auto& list = numbers();
  REQUIRE(list.size() == 470);
  size_t seen = 0;
  for (uint32_t number = 0; number < 600; ++number) {
    const std::string name = number < list.size() ? list[number] : "-";
    CAPTURE(number);
    CAPTURE(name);
    const uint32_t result = evaluate(program, {number, {}});
    if (number > number_of("removexattrat"))
      CHECK(result == no_such_call);
    else if (always.contains(name) || name == "chroot")
      CHECK(result == allowed);
    else if (name == "clone3")
      CHECK(result == no_such_call);
    else if (by_capability.contains(name) || never.contains(name) || name == "-")
      CHECK(result == not_permitted);
    else
      CHECK((name == "clone" || name == "personality" || name == "socket"));
    seen += always.contains(name) || by_capability.contains(name) || never.contains(name);
  }
  CHECK(seen == 305 + 42 + 32);
}

TEST_CASE("a capability opens exactly its group (S07)") {
  const auto base = program_with(default_capabilities);
  for (unsigned capability = 0; capability < capability_count; ++capability) {
    if ((default_capabilities & bit(capability)) != 0) continue;
    const auto program = program_with(default_capabilities | bit(capability));
    const auto group = opened_by.find(capability);
    const auto opened = word_set(group == opened_by.end() ? "" : group->second);
    const auto& list = numbers();
    for (uint32_t number = 0; number < list.size(); ++number) {
      CAPTURE(capability_name(capability));
      CAPTURE(list[number]);
      const uint32_t before = evaluate(base, {number, {}});
      CHECK(evaluate(program, {number, {}}) == (opened.contains(list[number]) ? allowed : before));
    }
  }
}

TEST_CASE("chroot goes with its capability") {
  const auto program = program_with(default_capabilities & ~bit(CAP_SYS_CHROOT));
  CHECK(evaluate(program, {number_of("chroot"), {}}) == not_permitted);
}

TEST_CASE("clone makes processes and threads but no namespace (S01, S03)") {
  const auto program = program_with(default_capabilities);
  const uint32_t clone = number_of("clone");
  CHECK(evaluate(program, {clone, {17}}) == allowed);        // fork: SIGCHLD
  CHECK(evaluate(program, {clone, {0x3d0f00}}) == allowed);  // a thread
  CHECK(evaluate(program, {clone, {uint64_t{1} << 32}}) == allowed);
  for (uint64_t flag :
       {0x00020000, 0x02000000, 0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000})
    for (uint64_t high : {uint64_t{0}, uint64_t{1} << 32, uint64_t{0xffffffff} << 32})
      CHECK(evaluate(program, {clone, {high | flag | 17}}) == not_permitted);
  const auto admin = program_with(default_capabilities | bit(CAP_SYS_ADMIN));
  CHECK(evaluate(admin, {clone, {0x10000000 | 17}}) == allowed);
  CHECK(evaluate(admin, {number_of("clone3"), {}}) == allowed);
}

TEST_CASE("all socket families but AF_ALG and AF_VSOCK, whatever the upper half says (S01)") {
  const auto program = program_with(default_capabilities);
  for (uint64_t family = 0; family < 64; ++family)
    for (uint64_t high : {uint64_t{0}, uint64_t{1} << 32, uint64_t{0xffffffff} << 32}) {
      CAPTURE(family);
      CHECK(evaluate(program, {number_of("socket"), {high | family}}) ==
            (family == 38 || family == 40 ? not_permitted : allowed));
    }
}

TEST_CASE("five personalities") {
  const auto program = program_with(default_capabilities);
  const std::set<uint64_t> good = {0, 8, 0x20000, 0x20008, 0xffffffff};
  for (uint64_t value : {0u, 1u, 8u, 9u, 0x20000u, 0x20008u, 0x40000u, 0x400000u, 0xffffffffu})
    for (uint64_t high : {uint64_t{0}, uint64_t{5} << 32})
      CHECK(evaluate(program, {number_of("personality"), {high | value}}) ==
            (good.contains(value) ? allowed : not_permitted));
}

TEST_CASE("32-bit and x32 calls do not exist beside x86_64's (S02)") {
  const auto program = program_with(all_capabilities);
  for (uint32_t number = 0; number < 600; ++number) {
    REQUIRE(evaluate(program, {number, {}, AUDIT_ARCH_I386}) == no_such_call);
    REQUIRE(evaluate(program, {number | 0x40000000, {}}) == no_such_call);
    REQUIRE(evaluate(program, {number | 0x80000000, {}}) == no_such_call);
    REQUIRE(evaluate(program, {number, {}, AUDIT_ARCH_AARCH64}) == no_such_call);
  }
  CHECK(evaluate(program, {0xffffffff, {}}) == no_such_call);
}

TEST_CASE("a 386 image may make 32-bit calls, under the same rules") {
  SeccompContext context = context_with(default_capabilities);
  context.allow_foreign_architectures = true;
  const auto program = compile_profile(default_profile(context)).program;
  const auto i386 = [&](uint32_t number) {
    return evaluate(program, {number, {}, AUDIT_ARCH_I386});
  };
  CHECK(i386(3) == allowed);                                          // read
  CHECK(i386(102) == allowed);                                        // socketcall
  CHECK(i386(21) == not_permitted);                                   // mount
  CHECK(i386(310) == not_permitted);                                  // unshare
  CHECK(i386(357) == not_permitted);                                  // bpf
  CHECK(i386(435) == no_such_call);                                   // clone3
  CHECK(evaluate(program, {0x40000000 | 165, {}}) == not_permitted);  // mount of x32
  CHECK(evaluate(program, {0x40000000, {}}) == allowed);
}

TEST_CASE("ptrace is not for kernels that let a tracer change a call behind the filter") {
  SeccompContext context = context_with(default_capabilities);
  context.kernel_major = 4;
  context.kernel_minor = 7;
  const auto program = compile_profile(default_profile(context)).program;
  CHECK(evaluate(program, {number_of("ptrace"), {}}) == not_permitted);
}

TEST_CASE("the program is small and its path to any call short") {
  const auto program = program_with(default_capabilities);
  MESSAGE("instructions: ", program.size());
  CHECK(program.size() < 600);
}

TEST_CASE("arm64 has its own calls") {
  SeccompContext context = context_with(default_capabilities);
  context.architecture = "SCMP_ARCH_AARCH64";
  const auto program = compile_profile(default_profile(context)).program;
  const auto arm64 = [&](uint32_t number) {
    return evaluate(program, {number, {}, AUDIT_ARCH_AARCH64});
  };
  CHECK(arm64(63) == allowed);        // read
  CHECK(arm64(40) == not_permitted);  // mount
  CHECK(arm64(97) == not_permitted);  // unshare
  CHECK(arm64(462) == allowed);       // mseal
  CHECK(arm64(435) == no_such_call);  // clone3
  CHECK(arm64(470) == no_such_call);
  CHECK(evaluate(program, {0, {}}) == no_such_call);
}
