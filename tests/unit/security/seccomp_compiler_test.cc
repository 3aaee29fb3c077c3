#include "runtime/security/seccomp_compiler.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <seccomp.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <functional>

#include "filter_evaluator.h"
#include "runtime/sys/error.h"

using namespace ctr::runtime;
using ctr::sys::Error;

namespace {

// Numbers of x86_64, so that the tests are the same on every machine.
constexpr uint32_t nr_read = 0, nr_write = 1, nr_lseek = 8, nr_socket = 41, nr_getpid = 39;

SeccompProfile profile_of(std::vector<SeccompRule> rules,
                          std::string default_action = "SCMP_ACT_ERRNO") {
  SeccompProfile profile;
  profile.default_action = std::move(default_action);
  profile.architectures = {"SCMP_ARCH_X86_64"};
  profile.rules = std::move(rules);
  return profile;
}

uint32_t result(const SeccompProfile& profile, const Call& call) {
  return evaluate(compile_profile(profile).program, call);
}

SeccompRule allow_if(const std::string& name, std::vector<SeccompArgument> arguments) {
  return {{name}, "SCMP_ACT_ALLOW", std::nullopt, std::move(arguments)};
}

bool holds(const std::string& op, uint64_t a, uint64_t value, uint64_t value_two) {
  if (op == "SCMP_CMP_EQ") return a == value;
  if (op == "SCMP_CMP_NE") return a != value;
  if (op == "SCMP_CMP_GT") return a > value;
  if (op == "SCMP_CMP_GE") return a >= value;
  if (op == "SCMP_CMP_LT") return a < value;
  if (op == "SCMP_CMP_LE") return a <= value;
  return (a & value) == value_two;
}

std::string refusal(const SeccompProfile& profile) {
  try {
    compile_profile(profile);
  } catch (const Error& error) {
    CHECK(error.kind() == ctr::sys::ErrorKind::invalid_argument);
    return error.what();
  }
  return "accepted";
}

}  // namespace

TEST_CASE("calls that a rule names get its action, others the default") {
  const SeccompProfile profile =
      profile_of({{{"read", "getpid"}, "SCMP_ACT_ALLOW", std::nullopt, {}},
                  {{"write"}, "SCMP_ACT_ERRNO", 5, {}},
                  {{"lseek"}, "SCMP_ACT_KILL_PROCESS", std::nullopt, {}}});
  CHECK(result(profile, {nr_read}) == allowed);
  CHECK(result(profile, {nr_getpid}) == allowed);
  CHECK(result(profile, {nr_write}) == (SECCOMP_RET_ERRNO | 5));
  CHECK(result(profile, {nr_lseek}) == SECCOMP_RET_KILL_PROCESS);
  CHECK(result(profile, {2}) == not_permitted);
}

TEST_CASE("calls newer than the profile do not exist, unless the default lets calls pass (S05)") {
  SeccompProfile profile = profile_of({{{"read"}, "SCMP_ACT_ALLOW", std::nullopt, {}},
                                       {{"getpid"}, "SCMP_ACT_ERRNO", std::nullopt, {}}});
  CHECK(result(profile, {nr_getpid - 1}) == not_permitted);
  CHECK(result(profile, {nr_getpid + 1}) == no_such_call);
  CHECK(result(profile, {100000}) == no_such_call);
  profile.default_action = "SCMP_ACT_ALLOW";
  CHECK(result(profile, {100000}) == allowed);
  profile.default_action = "SCMP_ACT_KILL_PROCESS";
  CHECK(result(profile, {100000}) == no_such_call);
}

TEST_CASE("each operator compares whole 64-bit arguments") {
  const uint64_t interesting[] = {
      0,           1,           2,           0x7fffffff, 0x80000000,    0xffffffff,
      0x100000000, 0x100000001, 0x200000001, UINT64_MAX, UINT64_MAX - 1};
  for (const std::string op : {"SCMP_CMP_EQ", "SCMP_CMP_NE", "SCMP_CMP_GT", "SCMP_CMP_GE",
                               "SCMP_CMP_LT", "SCMP_CMP_LE", "SCMP_CMP_MASKED_EQ"})
    for (uint64_t value : interesting)
      for (uint64_t value_two : {uint64_t{0}, value, uint64_t{1} << 32 | 1}) {
        const auto program =
            compile_profile(profile_of({allow_if("lseek", {{1, value, value_two, op}})})).program;
        for (uint64_t argument : interesting) {
          Call call{nr_lseek};
          call.arguments[1] = argument;
          CAPTURE(op);
          CAPTURE(value);
          CAPTURE(argument);
          REQUIRE(evaluate(program, call) ==
                  (holds(op, argument, value, value_two) ? allowed : not_permitted));
        }
      }
}

TEST_CASE("an argument that the kernel takes as 32 bits is compared as that (S01)") {
  for (uint64_t high : {uint64_t{0}, uint64_t{1} << 32, uint64_t{0xffffffff} << 32}) {
    for (const std::string op :
         {"SCMP_CMP_EQ", "SCMP_CMP_NE", "SCMP_CMP_GT", "SCMP_CMP_GE", "SCMP_CMP_LT", "SCMP_CMP_LE"})
      for (uint64_t value : {uint64_t{0}, uint64_t{40}, uint64_t{0xffffffff}, uint64_t{1} << 32}) {
        const auto program =
            compile_profile(profile_of({allow_if("socket", {{0, value, 0, op}})})).program;
        for (uint64_t family : {0, 2, 39, 40, 41}) {
          // An equality with a number above 32 bits means the number that the kernel would see.
          const bool is_order = op != "SCMP_CMP_EQ" && op != "SCMP_CMP_NE";
          const bool expected = holds(op, family, is_order ? value : value & 0xffffffff, 0);
          CAPTURE(op);
          CAPTURE(value);
          CAPTURE(family);
          REQUIRE(evaluate(program, {nr_socket, {high | family}}) ==
                  (expected ? allowed : not_permitted));
        }
      }
  }
}

TEST_CASE("tests of different arguments hold together, of one argument each by itself") {
  const SeccompProfile both =
      profile_of({allow_if("lseek", {{0, 1, 0, "SCMP_CMP_EQ"}, {1, 2, 0, "SCMP_CMP_EQ"}})});
  CHECK(result(both, {nr_lseek, {1, 2}}) == allowed);
  CHECK(result(both, {nr_lseek, {1, 3}}) == not_permitted);
  CHECK(result(both, {nr_lseek, {3, 2}}) == not_permitted);
  const SeccompProfile either =
      profile_of({allow_if("lseek", {{0, 1, 0, "SCMP_CMP_EQ"}, {0, 2, 0, "SCMP_CMP_EQ"}})});
  CHECK(result(either, {nr_lseek, {1}}) == allowed);
  CHECK(result(either, {nr_lseek, {2}}) == allowed);
  CHECK(result(either, {nr_lseek, {3}}) == not_permitted);
}

TEST_CASE("conditions come before rules without, whatever their order") {
  const SeccompRule deny{{"socket"}, "SCMP_ACT_ERRNO", 97, {{0, 40, 0, "SCMP_CMP_EQ"}}};
  const SeccompRule allow{{"socket"}, "SCMP_ACT_ALLOW", std::nullopt, {}};
  for (const auto& rules : {std::vector{deny, allow}, std::vector{allow, deny}}) {
    CHECK(result(profile_of(rules), {nr_socket, {40}}) == (SECCOMP_RET_ERRNO | 97));
    CHECK(result(profile_of(rules), {nr_socket, {2}}) == allowed);
  }
}

TEST_CASE("of two rules without conditions the first decides") {
  CHECK(result(profile_of({{{"read"}, "SCMP_ACT_ALLOW", std::nullopt, {}},
                           {{"read"}, "SCMP_ACT_TRAP", std::nullopt, {}}}),
               {nr_read}) == allowed);
}

TEST_CASE("a rule whose action is the default one is no error") {
  CHECK(result(profile_of({{{"read"}, "SCMP_ACT_ERRNO", 1, {}}}), {nr_read}) == not_permitted);
}

TEST_CASE("architectures that are not listed have no calls (S02)") {
  SeccompProfile profile =
      profile_of({{{"read", "write", "socket"}, "SCMP_ACT_ALLOW", {}, {}}}, "SCMP_ACT_ALLOW");
  for (uint32_t number : {0u, 3u, 359u, 0xffffffffu})
    CHECK(result(profile, {number, {}, AUDIT_ARCH_I386}) == no_such_call);
  for (uint32_t number : {0u, 41u, 520u})
    CHECK(result(profile, {number | 0x40000000, {}}) == no_such_call);
  CHECK(result(profile, {0xffffffff, {}}) == no_such_call);
  profile.architectures = {"SCMP_ARCH_X86"};
  CHECK(result(profile, {nr_read}) == no_such_call);
  profile.architectures = {"SCMP_ARCH_X32"};
  CHECK(result(profile, {nr_read}) == no_such_call);
  CHECK(result(profile, {nr_read | 0x40000000}) == allowed);
}

TEST_CASE("architectures that are listed have the same rules under their own numbers") {
  SeccompProfile profile = profile_of({{{"read", "mseal"}, "SCMP_ACT_ALLOW", std::nullopt, {}}});
  profile.architectures = {"SCMP_ARCH_X32", "SCMP_ARCH_X86", "SCMP_ARCH_X86_64"};
  CHECK(result(profile, {nr_read}) == allowed);
  CHECK(result(profile, {3, {}, AUDIT_ARCH_I386}) == allowed);
  CHECK(result(profile, {0, {}, AUDIT_ARCH_I386}) == not_permitted);
  CHECK(result(profile, {462, {}, AUDIT_ARCH_I386}) == allowed);
  CHECK(result(profile, {463, {}, AUDIT_ARCH_I386}) == no_such_call);
  CHECK(result(profile, {0x40000000}) == allowed);
  CHECK(result(profile, {0x40000000 | 462}) == allowed);
  CHECK(result(profile, {0x40000001}) == not_permitted);
  CHECK(result(profile, {463}) == no_such_call);
}

TEST_CASE("big-endian machines have the halves of an argument the other way round") {
  SeccompProfile profile = profile_of({allow_if("lseek", {{1, 7, 0, "SCMP_CMP_EQ"}})});
  profile.architectures = {"SCMP_ARCH_S390X"};
  Call call{19, {}, AUDIT_ARCH_S390X};
  call.arguments[1] = uint64_t{7} << 32;  // as a big-endian 7 looks to this machine
  CHECK(result(profile, call) == allowed);
}

TEST_CASE("names that are no system call are passed over") {
  CHECK(result(profile_of({{{"no_such_call", "read", ""}, "SCMP_ACT_ALLOW", {}, {}}}), {nr_read}) ==
        allowed);
}

TEST_CASE("flags become bits, and none at all means no speculation mitigation, as in runc") {
  SeccompProfile profile = profile_of({});
  CHECK(compile_profile(profile).flags == SECCOMP_FILTER_FLAG_SPEC_ALLOW);
  profile.flags = {"SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_TSYNC"};
  CHECK(compile_profile(profile).flags == (SECCOMP_FILTER_FLAG_LOG | SECCOMP_FILTER_FLAG_TSYNC));
  profile.rules = {{{"mount"}, "SCMP_ACT_NOTIFY", std::nullopt, {}}};
  CHECK((compile_profile(profile).flags & SECCOMP_FILTER_FLAG_NEW_LISTENER) != 0);
}

TEST_CASE("profiles that cannot be meant are refused with the value (S08)") {
  const auto changed = [](std::function<void(SeccompProfile&)> change) {
    SeccompProfile profile = profile_of({allow_if("lseek", {{0, 1, 0, "SCMP_CMP_EQ"}})});
    change(profile);
    return refusal(profile);
  };
  const auto has = [](const std::string& text, const char* part) {
    CAPTURE(text);
    CHECK(text.find(part) != std::string::npos);
  };
  has(changed([](auto& p) { p.default_action = "SCMP_ACT_FOO"; }), "'SCMP_ACT_FOO'");
  has(changed([](auto& p) { p.default_action = "SCMP_ACT_NOTIFY"; }), "SCMP_ACT_NOTIFY");
  has(changed([](auto& p) { p.rules[0].action = ""; }), "unknown action ''");
  has(changed([](auto& p) { p.rules[0].errno_return = 4096; }), "4096");
  has(changed([](auto& p) { p.rules[0].arguments[0].index = 6; }), "index 6");
  has(changed([](auto& p) { p.rules[0].arguments[0].op = "=="; }), "'=='");
  has(changed([](auto& p) { p.architectures = {"SCMP_ARCH_VAX"}; }), "'SCMP_ARCH_VAX'");
  has(changed([](auto& p) { p.flags = {"FAST"}; }), "'FAST'");
  has(changed([](auto& p) { p.rules.assign(5000, p.rules[0]); }), "4096");
}

TEST_CASE("a filter survives its file") {
  const std::string path = "/tmp/ctr-unit-filter-" + std::to_string(::getpid());
  const CompiledFilter filter = compile_profile(profile_of({allow_if("read", {})}));
  write_filter(path, filter);
  const CompiledFilter again = read_filter(path, 4);
  CHECK(again.flags == 4);
  REQUIRE(again.program.size() == filter.program.size());
  CHECK(evaluate(again.program, {nr_read}) == allowed);
  REQUIRE(::truncate(path.c_str(), 12) == 0);
  CHECK_THROWS_AS(read_filter(path, 0), Error);
  REQUIRE(::truncate(path.c_str(), 0) == 0);
  CHECK_THROWS_AS(read_filter(path, 0), Error);
  ::unlink(path.c_str());
  CHECK_THROWS_AS(read_filter(path, 0), Error);
}
