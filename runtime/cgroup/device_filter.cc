#include "runtime/cgroup/device_filter.h"

#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstring>

#include "runtime/cgroup/device_rules.h"
#include "runtime/sys/error.h"
#include "runtime/sys/unique_fd.h"

namespace ctr::runtime {

namespace {

// What lives in which register of the program.
constexpr uint8_t type_register = BPF_REG_2;
constexpr uint8_t wanted_register = BPF_REG_3;  // accesses asked for that no rule has allowed yet
constexpr uint8_t major_register = BPF_REG_4;
constexpr uint8_t minor_register = BPF_REG_5;
constexpr uint8_t scratch_register = BPF_REG_6;

bpf_insn instruction(int code, uint8_t destination, uint8_t source, int offset, int32_t immediate) {
  bpf_insn result{};
  result.code = static_cast<uint8_t>(code);
  result.dst_reg = destination & 15;
  result.src_reg = source & 15;
  result.off = static_cast<int16_t>(offset);
  result.imm = immediate;
  return result;
}

bpf_insn load_word(uint8_t destination, size_t offset) {
  return instruction(BPF_LDX | BPF_MEM | BPF_W, destination, BPF_REG_1, static_cast<int>(offset),
                     0);
}
bpf_insn compute(int operation, uint8_t destination, int32_t immediate) {
  return instruction(BPF_ALU | operation | BPF_K, destination, 0, 0, immediate);
}
bpf_insn copy(uint8_t destination, uint8_t source) {
  return instruction(BPF_ALU | BPF_MOV | BPF_X, destination, source, 0, 0);
}
// Compares 32 bits: a 64-bit compare would extend the sign of the immediate.
bpf_insn jump(int operation, uint8_t left, int32_t immediate, int offset) {
  return instruction(BPF_JMP32 | operation | BPF_K, left, 0, offset, immediate);
}
bpf_insn leave() {
  return instruction(BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
}

int32_t access_bits(const std::string& access) {
  int32_t bits = 0;
  for (char letter : access)
    bits |= letter == 'r'   ? BPF_DEVCG_ACC_READ
            : letter == 'w' ? BPF_DEVCG_ACC_WRITE
                            : BPF_DEVCG_ACC_MKNOD;
  return bits;
}

// What a rule does about a device that it names.
std::vector<bpf_insn> verdict_of(const DeviceRule& rule) {
  const int32_t bits = access_bits(rule.access);
  if (rule.allow)
    return {
        compute(BPF_AND, wanted_register, ~bits),
        jump(BPF_JNE, wanted_register, 0, 2),  // more was asked for: earlier rules may allow that
        compute(BPF_MOV, BPF_REG_0, 1),
        leave(),
    };
  return {
      copy(scratch_register, wanted_register),
      compute(BPF_AND, scratch_register, bits),
      jump(BPF_JEQ, scratch_register, 0, 2),
      compute(BPF_MOV, BPF_REG_0, 0),
      leave(),
  };
}

void append_rule(const DeviceRule& rule, std::vector<bpf_insn>& program) {
  const std::vector<bpf_insn> verdict = verdict_of(rule);
  std::vector<std::pair<uint8_t, int64_t>> tests;
  if (rule.type != 'a')
    tests.emplace_back(type_register, rule.type == 'b' ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR);
  if (rule.major) tests.emplace_back(major_register, *rule.major);
  if (rule.minor) tests.emplace_back(minor_register, *rule.minor);
  for (size_t i = 0; i < tests.size(); ++i) {
    const size_t rest = tests.size() - i - 1 + verdict.size();
    program.push_back(jump(BPF_JNE, tests[i].first,
                           static_cast<int32_t>(static_cast<uint32_t>(tests[i].second)),
                           static_cast<int>(rest)));
  }
  program.insert(program.end(), verdict.begin(), verdict.end());
}

int bpf(int command, bpf_attr& attributes) {
  return static_cast<int>(::syscall(SYS_bpf, command, &attributes, sizeof attributes));
}

template <class Pointer>
uint64_t address(Pointer* pointer) {
  return reinterpret_cast<uintptr_t>(pointer);
}

// Until Linux 5.11 programs count as locked memory, whose limit is 64 KB for the whole user.
class LockedMemory {
 public:
  LockedMemory() {
    rlimit raised{RLIM_INFINITY, RLIM_INFINITY};
    changed_ =
        ::getrlimit(RLIMIT_MEMLOCK, &before_) == 0 && ::setrlimit(RLIMIT_MEMLOCK, &raised) == 0;
  }
  LockedMemory(const LockedMemory&) = delete;
  LockedMemory& operator=(const LockedMemory&) = delete;
  ~LockedMemory() {
    if (changed_) ::setrlimit(RLIMIT_MEMLOCK, &before_);
  }

 private:
  rlimit before_{};
  bool changed_ = false;
};

sys::UniqueFd load_program(const std::vector<bpf_insn>& program) {
  static constexpr char license[] = "Apache-2.0";  // calls no helper that is for GPL programs alone
  bpf_attr attributes;
  std::memset(&attributes, 0, sizeof attributes);
  attributes.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
  attributes.insns = address(program.data());
  attributes.insn_cnt = static_cast<uint32_t>(program.size());
  attributes.license = address(license);
  std::strcpy(attributes.prog_name, "ctr_devices");
  int fd = bpf(BPF_PROG_LOAD, attributes);
  if (fd < 0 && errno == EPERM) {
    const LockedMemory raised;
    fd = bpf(BPF_PROG_LOAD, attributes);
  }
  return sys::UniqueFd(sys::check(fd, "bpf BPF_PROG_LOAD for the device rules"));
}

std::vector<uint32_t> attached_programs(int cgroup) {
  std::vector<uint32_t> ids(64);
  bpf_attr attributes;
  std::memset(&attributes, 0, sizeof attributes);
  attributes.query.target_fd = static_cast<uint32_t>(cgroup);
  attributes.query.attach_type = BPF_CGROUP_DEVICE;
  attributes.query.prog_ids = address(ids.data());
  attributes.query.prog_cnt = static_cast<uint32_t>(ids.size());
  sys::check(bpf(BPF_PROG_QUERY, attributes), "bpf BPF_PROG_QUERY");
  ids.resize(attributes.query.prog_cnt);
  return ids;
}

void detach_program(int cgroup, uint32_t id) {
  bpf_attr attributes;
  std::memset(&attributes, 0, sizeof attributes);
  attributes.prog_id = id;
  const sys::UniqueFd program(
      sys::check(bpf(BPF_PROG_GET_FD_BY_ID, attributes), "bpf BPF_PROG_GET_FD_BY_ID", long{id}));
  std::memset(&attributes, 0, sizeof attributes);
  attributes.target_fd = static_cast<uint32_t>(cgroup);
  attributes.attach_bpf_fd = static_cast<uint32_t>(program.get());
  attributes.attach_type = BPF_CGROUP_DEVICE;
  sys::check(bpf(BPF_PROG_DETACH, attributes), "bpf BPF_PROG_DETACH", long{id});
}

}  // namespace

std::vector<bpf_insn> make_device_filter(const std::vector<DeviceRule>& rules) {
  std::vector<bpf_insn> program = {
      load_word(wanted_register, offsetof(bpf_cgroup_dev_ctx, access_type)),
      load_word(major_register, offsetof(bpf_cgroup_dev_ctx, major)),
      load_word(minor_register, offsetof(bpf_cgroup_dev_ctx, minor)),
      copy(type_register, wanted_register),
      compute(BPF_AND, type_register, 0xffff),
      compute(BPF_RSH, wanted_register, 16),
  };
  const std::vector<DeviceRule> list = normalize_device_rules(rules);
  for (auto rule = list.rbegin(); rule != list.rend(); ++rule) append_rule(*rule, program);
  // Nothing but asking for no access at all comes this far: the first rule is about everything.
  program.push_back(compute(BPF_MOV, BPF_REG_0, 0));
  program.push_back(leave());
  return program;
}

void attach_device_filter(int cgroup, const std::vector<bpf_insn>& program) {
  const std::vector<uint32_t> former = attached_programs(cgroup);
  const sys::UniqueFd loaded = load_program(program);
  bpf_attr attributes;
  std::memset(&attributes, 0, sizeof attributes);
  attributes.target_fd = static_cast<uint32_t>(cgroup);
  attributes.attach_bpf_fd = static_cast<uint32_t>(loaded.get());
  attributes.attach_type = BPF_CGROUP_DEVICE;
  attributes.attach_flags = BPF_F_ALLOW_MULTI;
  sys::check(bpf(BPF_PROG_ATTACH, attributes), "bpf BPF_PROG_ATTACH of the device rules");
  for (uint32_t id : former) detach_program(cgroup, id);
}

}  // namespace ctr::runtime
