#include <doctest/doctest.h>
#include <linux/capability.h>

#include "filter_evaluator.h"
#include "runtime/security/capabilities.h"
#include "runtime/security/seccomp_compiler.h"
#include "runtime/sys/error.h"

using namespace ctr::runtime;
using ctr::sys::Error;

namespace {

const SeccompContext context{default_capabilities, 5, 10, "SCMP_ARCH_X86_64", false};

std::string refusal(const std::string& text) {
  try {
    parse_profile(text, context);
  } catch (const Error& error) {
    CHECK(error.kind() == ctr::sys::ErrorKind::invalid_argument);
    return error.what();
  }
  return "accepted";
}

// The rules of a profile with this list of "syscalls".
size_t rules(const std::string& list) {
  return parse_profile(R"({"defaultAction":"SCMP_ACT_ERRNO","syscalls":[)" + list + "]}", context)
      .rules.size();
}

std::string rule_with(const std::string& members) {
  return R"({"names":["mount"],"action":"SCMP_ACT_ALLOW",)" + members + "}";
}

}  // namespace

TEST_CASE("a profile in Docker's format is taken as it is meant") {
  const SeccompProfile profile = parse_profile(R"({
    "defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 38,
    "archMap": [
      {"architecture": "SCMP_ARCH_AARCH64", "subArchitectures": ["SCMP_ARCH_ARM"]},
      {"architecture": "SCMP_ARCH_X86_64", "subArchitectures": ["SCMP_ARCH_X86"]}],
    "flags": ["SECCOMP_FILTER_FLAG_LOG"],
    "syscalls": [
      {"names": ["read", "write"], "action": "SCMP_ACT_ALLOW"},
      {"name": "lseek", "action": "SCMP_ACT_ERRNO", "errnoRet": 5,
       "args": [{"index": 1, "value": 18446744073709551615, "valueTwo": 3, "op": "SCMP_CMP_EQ"}]}]})",
                                               context);
  CHECK(profile.default_errno == 38);
  CHECK(profile.architectures == std::vector<std::string>{"SCMP_ARCH_X86_64", "SCMP_ARCH_X86"});
  CHECK(profile.flags == std::vector<std::string>{"SECCOMP_FILTER_FLAG_LOG"});
  REQUIRE(profile.rules.size() == 2);
  CHECK(profile.rules[0].names.size() == 2);
  CHECK(profile.rules[1].names == std::vector<std::string>{"lseek"});
  CHECK(profile.rules[1].errno_return == 5);
  REQUIRE(profile.rules[1].arguments.size() == 1);
  CHECK(profile.rules[1].arguments[0].value == UINT64_MAX);
  CHECK(profile.rules[1].arguments[0].value_two == 3);
  CHECK(evaluate(compile_profile(profile).program, {0}) == allowed);
}

TEST_CASE("rules are for containers that meet their conditions") {
  CHECK(rules(rule_with(R"("includes":{"caps":["CAP_CHOWN"]})")) == 1);
  CHECK(rules(rule_with(R"("includes":{"caps":["CAP_CHOWN","CAP_SYS_ADMIN"]})")) == 0);
  CHECK(rules(rule_with(R"("excludes":{"caps":["CAP_SYS_ADMIN"]})")) == 1);
  CHECK(rules(rule_with(R"("excludes":{"caps":["CAP_CHOWN"]})")) == 0);
  CHECK(rules(rule_with(R"("includes":{"arches":["amd64","x32"]})")) == 1);
  CHECK(rules(rule_with(R"("includes":{"arches":["arm64"]})")) == 0);
  CHECK(rules(rule_with(R"("excludes":{"arches":["amd64"]})")) == 0);
  CHECK(rules(rule_with(R"("includes":{"minKernel":"4.8"})")) == 1);
  CHECK(rules(rule_with(R"("includes":{"minKernel":"5.10"})")) == 1);
  CHECK(rules(rule_with(R"("includes":{"minKernel":"5.11"})")) == 0);
  CHECK(rules(rule_with(R"("excludes":{"minKernel":"4.8"})")) == 0);
  CHECK(rules(rule_with(R"("includes":{},"excludes":{},"args":null,"comment":"x")")) == 1);
}

TEST_CASE("what is not a profile is refused with its place (S08)") {
  const std::string head = R"({"defaultAction":"SCMP_ACT_ERRNO",)";
  const std::pair<std::string, const char*> cases[] = {
      {"", "not JSON"},
      {"[]", "not a JSON object"},
      {"{", "not JSON"},
      {"{}", "defaultAction is missing"},
      {R"({"defaultAction":7})", "defaultAction is not a string"},
      {head + R"("defaultErrnoRet":5000})", "defaultErrnoRet is '5000'"},
      {head + R"("defaultErrnoRet":-1})", "defaultErrnoRet is '-1'"},
      {head + R"("architectures":["SCMP_ARCH_PDP11"]})", "'SCMP_ARCH_PDP11'"},
      {head + R"("architectures":["SCMP_ARCH_X86"],"archMap":[{}]})", "use either"},
      {head + R"("archMap":7})", "archMap"},
      {head + R"("syscalls":{}})", "syscalls is not a list"},
      {head + R"("syscalls":[7]})", "syscalls[0]: not an object"},
      {head + R"("syscalls":[{"action":"SCMP_ACT_ALLOW"}]})", "syscalls[0]: names is missing"},
      {head + R"("syscalls":[{"name":"a","names":["b"]}]})", "use either"},
      {head + R"("syscalls":[{"names":[7]}]})", "syscalls[0]: names has an entry"},
      {head + R"("syscalls":[{"names":["a"],"args":[{"index":6}]}]})", "index is '6'"},
      {head + R"("syscalls":[{"names":["a"],"args":[{"index":-1}]}]})", "index is '-1'"},
      {head + R"("syscalls":[{"names":["a"],"args":[{"value":1.5}]}]})", "value is '1.5'"},
      {head + R"("syscalls":[{"names":["a"],"args":[{"value":18446744073709551616}]}]})",
       "value is"},
      {head + R"("syscalls":[{"names":["a"],"includes":{"caps":["CAP_X"]}}]})", "'CAP_X'"},
      {head + R"("syscalls":[{"names":["a"],"includes":{"minKernel":"new"}}]})", "'new'"},
      {std::string(2 << 20, ' '), "bytes"},
  };
  for (const auto& [text, part] : cases) {
    const std::string message = refusal(text);
    CAPTURE(message);
    CHECK(message.find(part) != std::string::npos);
  }
  CHECK(refusal(std::string(100000, '[')).find("nested") != std::string::npos);
  std::string many = head + R"("syscalls":[)";
  for (int i = 0; i < 20000; ++i) many += R"({"names":["a"]},)";
  many.back() = ']';
  CHECK(refusal(many + "}").find("20000 rules") != std::string::npos);
}
