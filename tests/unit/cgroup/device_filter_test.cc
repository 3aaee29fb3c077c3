// The program for v2, run by a small evaluator and compared with the rules' meaning.
#include "runtime/cgroup/device_filter.h"

#include <doctest/doctest.h>

#include <random>

#include "runtime/cgroup/device_rules.h"

using namespace ctr::runtime;

namespace {

// As much of BPF as the generator uses; anything else, and a program that does not end, fails.
uint64_t run(const std::vector<bpf_insn>& program, const bpf_cgroup_dev_ctx& context) {
  uint64_t registers[11] = {};
  size_t at = 0;
  for (int steps = 0; steps < 100000; ++steps) {
    REQUIRE(at < program.size());
    const bpf_insn& insn = program[at++];
    uint64_t& target = registers[insn.dst_reg];
    const uint32_t left = static_cast<uint32_t>(target);
    const auto immediate = static_cast<uint32_t>(insn.imm);
    switch (insn.code) {
      case BPF_LDX | BPF_MEM | BPF_W:
        target = reinterpret_cast<const uint32_t*>(&context)[insn.off / 4];
        break;
      case BPF_ALU | BPF_MOV | BPF_K:
        target = immediate;
        break;
      case BPF_ALU | BPF_MOV | BPF_X:
        target = static_cast<uint32_t>(registers[insn.src_reg]);
        break;
      case BPF_ALU | BPF_AND | BPF_K:
        target = left & immediate;
        break;
      case BPF_ALU | BPF_RSH | BPF_K:
        target = left >> immediate;
        break;
      case BPF_JMP32 | BPF_JNE | BPF_K:
        if (left != immediate) at += static_cast<size_t>(insn.off);
        break;
      case BPF_JMP32 | BPF_JEQ | BPF_K:
        if (left == immediate) at += static_cast<size_t>(insn.off);
        break;
      case BPF_JMP | BPF_EXIT:
        return registers[0];
      default:
        FAIL("unknown instruction ", int{insn.code});
    }
  }
  FAIL("the program does not end");
  return 0;
}

struct Request {
  char type;
  uint32_t major;
  uint32_t minor;
  std::string access;
};

bool allows(const std::vector<bpf_insn>& program, const Request& request) {
  uint32_t bits = 0;
  for (char letter : request.access) bits |= letter == 'm' ? 1u : letter == 'r' ? 2u : 4u;
  const uint32_t type = request.type == 'b' ? 1 : 2;
  return run(program, {(bits << 16) | type, request.major, request.minor}) == 1;
}

// What the rules mean: each access by itself is decided by the last rule that names it.
bool means(const std::vector<DeviceRule>& rules, const Request& request) {
  for (char letter : request.access) {
    bool allowed = false;
    for (const DeviceRule& rule : rules)
      if ((rule.type == 'a' || rule.type == request.type) &&
          rule.major.value_or(request.major) == request.major &&
          rule.minor.value_or(request.minor) == request.minor &&
          rule.access.find(letter) != std::string::npos)
        allowed = rule.allow;
    if (!allowed) return false;
  }
  return true;
}

const char* const accesses[] = {"r", "w", "m", "rw", "rm", "wm", "rwm"};

}  // namespace

TEST_CASE("a container may use the harmless devices and none else (I08)") {
  const auto program = make_device_filter(default_device_rules());
  CHECK(allows(program, {'c', 1, 3, "rw"}));
  CHECK(allows(program, {'c', 136, 7, "rw"}));
  CHECK(allows(program, {'c', 10, 200, "rw"}));
  CHECK(allows(program, {'b', 8, 0, "m"}));
  CHECK(!allows(program, {'b', 8, 0, "r"}));
  CHECK(!allows(program, {'b', 8, 0, "rm"}));
  CHECK(!allows(program, {'c', 1, 1, "r"}));
  CHECK(!allows(program, {'c', 10, 229, "rw"}));
  CHECK(!allows(program, {'b', 1, 3, "rw"}));
}

TEST_CASE("a device given for reading cannot be written") {
  auto rules = default_device_rules();
  rules.push_back(parse_device_rule("b 8:16 r"));
  const auto program = make_device_filter(rules);
  CHECK(allows(program, {'b', 8, 16, "r"}));
  CHECK(!allows(program, {'b', 8, 16, "rw"}));
  CHECK(!allows(program, {'b', 8, 17, "r"}));
}

TEST_CASE("privileged means everything, no rules mean nothing") {
  CHECK(allows(make_device_filter(all_device_rules()), {'b', 4095, UINT32_MAX, "rwm"}));
  CHECK(!allows(make_device_filter({}), {'c', 1, 3, "r"}));
}

TEST_CASE("numbers above 2^31 are compared as they are") {
  const auto program = make_device_filter({{true, 'c', 1, UINT32_MAX, "r"}});
  CHECK(allows(program, {'c', 1, UINT32_MAX, "r"}));
  CHECK(!allows(program, {'c', 1, UINT32_MAX - 1, "r"}));
}

TEST_CASE("any list means what the last rule that names an access says") {
  std::mt19937 random(7);
  const auto pick = [&](auto count) { return static_cast<int>(random() % count); };
  for (int round = 0; round < 300; ++round) {
    std::vector<DeviceRule> rules;
    for (int i = pick(8u); i >= 0; --i) {
      DeviceRule rule;
      rule.allow = pick(2u) == 0;
      rule.type = "abc"[pick(3u)];
      if (pick(3u) != 0) rule.major = pick(3u);
      if (pick(3u) != 0) rule.minor = pick(3u);
      rule.access = accesses[pick(7u)];
      rules.push_back(rule);
    }
    const auto program = make_device_filter(rules);
    for (char type : {'b', 'c'})
      for (uint32_t major = 0; major < 3; ++major)
        for (uint32_t minor = 0; minor < 3; ++minor)
          for (const char* access : accesses) {
            const Request request{type, major, minor, access};
            REQUIRE(allows(program, request) == means(rules, request));
          }
  }
}
