#include "runtime/scheduling.h"

#include <linux/mempolicy.h>
#include <linux/sched.h>
#include <sys/personality.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>

#include "runtime/sys/error.h"
#include "runtime/sys/number_list.h"

namespace ctr::runtime {

namespace {

struct Name {
  const char* text;
  unsigned value;
};

// The kernel's struct sched_attr: linux/sched/types.h cannot be included beside the C library's sched.h.
struct SchedulerAttributes {
  uint32_t size = sizeof(SchedulerAttributes);
  uint32_t policy = 0;
  uint64_t flags = 0;
  int32_t nice = 0;
  uint32_t priority = 0;
  uint64_t runtime = 0;
  uint64_t deadline = 0;
  uint64_t period = 0;
};

constexpr std::array<Name, 7> policies = {{{"SCHED_OTHER", SCHED_NORMAL},
                                           {"SCHED_FIFO", SCHED_FIFO},
                                           {"SCHED_RR", SCHED_RR},
                                           {"SCHED_BATCH", SCHED_BATCH},
                                           {"SCHED_ISO", 4},  // reserved, not in the headers
                                           {"SCHED_IDLE", SCHED_IDLE},
                                           {"SCHED_DEADLINE", SCHED_DEADLINE}}};
constexpr std::array<Name, 7> scheduler_flags = {
    {{"SCHED_FLAG_RESET_ON_FORK", SCHED_FLAG_RESET_ON_FORK},
     {"SCHED_FLAG_RECLAIM", SCHED_FLAG_RECLAIM},
     {"SCHED_FLAG_DL_OVERRUN", SCHED_FLAG_DL_OVERRUN},
     {"SCHED_FLAG_KEEP_POLICY", SCHED_FLAG_KEEP_POLICY},
     {"SCHED_FLAG_KEEP_PARAMS", SCHED_FLAG_KEEP_PARAMS},
     {"SCHED_FLAG_UTIL_CLAMP_MIN", SCHED_FLAG_UTIL_CLAMP_MIN},
     {"SCHED_FLAG_UTIL_CLAMP_MAX", SCHED_FLAG_UTIL_CLAMP_MAX}}};
// ioprio_set(2): linux/ioprio.h is not C++.
constexpr unsigned idle_class = 3;
constexpr int class_shift = 13;
constexpr int this_process = 1;  // IOPRIO_WHO_PROCESS
constexpr std::array<Name, 3> io_classes = {
    {{"IOPRIO_CLASS_RT", 1}, {"IOPRIO_CLASS_BE", 2}, {"IOPRIO_CLASS_IDLE", idle_class}}};
constexpr std::array<Name, 7> memory_modes = {
    {{"MPOL_DEFAULT", MPOL_DEFAULT},
     {"MPOL_PREFERRED", MPOL_PREFERRED},
     {"MPOL_BIND", MPOL_BIND},
     {"MPOL_INTERLEAVE", MPOL_INTERLEAVE},
     {"MPOL_LOCAL", MPOL_LOCAL},
     {"MPOL_PREFERRED_MANY", MPOL_PREFERRED_MANY},
     {"MPOL_WEIGHTED_INTERLEAVE", 6}}};  // Linux 6.9's
constexpr std::array<Name, 3> memory_flags = {{{"MPOL_F_STATIC_NODES", MPOL_F_STATIC_NODES},
                                               {"MPOL_F_RELATIVE_NODES", MPOL_F_RELATIVE_NODES},
                                               {"MPOL_F_NUMA_BALANCING", MPOL_F_NUMA_BALANCING}}};
constexpr std::array<Name, 2> domains = {{{"LINUX", PER_LINUX}, {"LINUX32", PER_LINUX32}}};

template <class Names>
std::optional<unsigned> find_value(const Names& names, std::string_view text) {
  for (const Name& name : names)
    if (text == name.text) return name.value;
  return std::nullopt;
}

template <class Names>
void check_name(const Names& names, const std::string& text, const std::string& field) {
  if (find_value(names, text)) return;
  std::string known;
  for (const Name& name : names) known += fmt::format("{}{}", known.empty() ? "" : ", ", name.text);
  throw sys::Error(sys::ErrorKind::invalid_argument,
                   fmt::format("{}: '{}' is none of {}", field, text, known));
}

template <class Names>
unsigned flags_of(const Names& names, const std::vector<std::string>& flags) {
  unsigned all = 0;
  for (const std::string& flag : flags) all |= find_value(names, flag).value_or(0);
  return all;
}

void check_list(const std::string& text, const std::string& field) {
  try {
    (void)sys::parse_number_list(text);
  } catch (const sys::Error& error) {
    throw sys::Error(error.kind(), fmt::format("{}: {}", field, error.what()));
  }
}

void refuse_if(bool wrong, const std::string& field, const char* why) {
  if (wrong) throw sys::Error(sys::ErrorKind::invalid_argument, fmt::format("{}: {}", field, why));
}

void check_scheduler(const Scheduler& scheduler, const std::string& field) {
  check_name(policies, scheduler.policy, field + ".policy");
  for (const std::string& flag : scheduler.flags) check_name(scheduler_flags, flag, field + ".flags");
  const bool is_deadline = scheduler.policy == "SCHED_DEADLINE";
  const bool is_realtime = scheduler.policy == "SCHED_FIFO" || scheduler.policy == "SCHED_RR";
  refuse_if(scheduler.nice && (*scheduler.nice < -20 || *scheduler.nice > 19), field + ".nice",
            "is not between -20 and 19");
  refuse_if(scheduler.priority.value_or(0) != 0 && !is_realtime, field + ".priority",
            "is for SCHED_FIFO and SCHED_RR only");
  refuse_if(!is_deadline && (scheduler.runtime.value_or(0) != 0 ||
                             scheduler.deadline.value_or(0) != 0 || scheduler.period.value_or(0) != 0),
            field, "runtime, deadline and period are for SCHED_DEADLINE only");
}

}  // namespace

void check_scheduling(const Process& process, const std::string& field) {
  if (process.scheduler) check_scheduler(*process.scheduler, field + ".scheduler");
  if (process.io_priority) {
    const std::string place = field + ".ioPriority";
    check_name(io_classes, process.io_priority->io_class, place + ".class");
    refuse_if(process.io_priority->priority < 0 || process.io_priority->priority > 7,
              place + ".priority", "is not between 0 and 7");
  }
  if (process.exec_cpu_affinity) {
    check_list(process.exec_cpu_affinity->initial, field + ".execCPUAffinity.initial");
    check_list(process.exec_cpu_affinity->final, field + ".execCPUAffinity.final");
  }
}

void check_personality(const Personality& personality) {
  check_name(domains, personality.domain, "config.json: linux.personality.domain");
  refuse_if(!personality.flags.empty(), "config.json: linux.personality.flags",
            "the specification knows none");
}

void check_memory_policy(const MemoryPolicy& policy) {
  const std::string field = "config.json: linux.memoryPolicy";
  check_name(memory_modes, policy.mode, field + ".mode");
  for (const std::string& flag : policy.flags) check_name(memory_flags, flag, field + ".flags");
  check_list(policy.nodes, field + ".nodes");
  const bool takes_none = policy.mode == "MPOL_DEFAULT" || policy.mode == "MPOL_LOCAL";
  refuse_if(takes_none && !policy.nodes.empty(), field + ".nodes", "this mode takes none");
  refuse_if(!takes_none && policy.nodes.empty() && policy.mode != "MPOL_PREFERRED",
            field + ".nodes", "this mode needs some");
}

void apply_scheduler(const Scheduler& scheduler) {
  SchedulerAttributes attributes;
  attributes.policy = find_value(policies, scheduler.policy).value_or(SCHED_NORMAL);
  attributes.flags = flags_of(scheduler_flags, scheduler.flags);
  attributes.nice = scheduler.nice.value_or(0);
  attributes.priority = static_cast<uint32_t>(scheduler.priority.value_or(0));
  attributes.runtime = scheduler.runtime.value_or(0);
  attributes.deadline = scheduler.deadline.value_or(0);
  attributes.period = scheduler.period.value_or(0);
  sys::check(::syscall(SYS_sched_setattr, 0, &attributes, 0), "sched_setattr", scheduler.policy);
}

void apply_io_priority(const IoPriority& priority) {
  const unsigned io_class = find_value(io_classes, priority.io_class).value_or(0);
  const int level = io_class == idle_class ? 0 : priority.priority;
  const int value = static_cast<int>(io_class << class_shift) | level;
  sys::check(::syscall(SYS_ioprio_set, this_process, 0, value), "ioprio_set",
             priority.io_class);
}

void apply_memory_policy(const MemoryPolicy& policy) {
  const unsigned mode = find_value(memory_modes, policy.mode).value_or(MPOL_DEFAULT) |
                        flags_of(memory_flags, policy.flags);
  const std::vector<int> nodes = sys::parse_number_list(policy.nodes);
  const std::vector<unsigned long> mask = sys::number_mask(nodes);
  // The kernel takes one bit less than the number that it is told.
  const unsigned long bits = nodes.empty() ? 0 : mask.size() * sizeof(unsigned long) * 8 + 1;
  sys::check(::syscall(SYS_set_mempolicy, mode, nodes.empty() ? nullptr : mask.data(), bits),
             "set_mempolicy", policy.mode, policy.nodes);
}

void apply_personality(const Personality& personality) {
  sys::check(::personality(find_value(domains, personality.domain).value_or(PER_LINUX)),
             "personality", personality.domain);
}

void apply_affinity(const std::string& processors) {
  const std::vector<unsigned long> mask = sys::number_mask(sys::parse_number_list(processors));
  sys::check(::syscall(SYS_sched_setaffinity, 0, mask.size() * sizeof(unsigned long), mask.data()),
             "sched_setaffinity", processors);
}

}  // namespace ctr::runtime
