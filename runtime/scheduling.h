// How the kernel runs a process: scheduler, I/O priority, memory policy, personality, processors. The
// names are the OCI runtime specification's (config.md "scheduler", "ioPriority", "execCPUAffinity";
// config-linux.md "personality", "memoryPolicy").
#pragma once

#include <string>

#include "runtime/spec.h"

namespace ctr::runtime {

// What is wrong with the names and numbers. Error{invalid_argument} that names the field below `field`
// ("config.json: process"). Pure.
void check_scheduling(const Process& process, const std::string& field);
void check_personality(const Personality& personality);
void check_memory_policy(const MemoryPolicy& policy);

// For the calling process. runs in: the container's first process or an exec, while it still has the
// host's capabilities. Error with the kernel's reason.
void apply_scheduler(const Scheduler& scheduler);        // sched_setattr(2)
void apply_io_priority(const IoPriority& priority);      // ioprio_set(2)
void apply_memory_policy(const MemoryPolicy& policy);    // set_mempolicy(2)
void apply_personality(const Personality& personality);  // personality(2)
void apply_affinity(const std::string& processors);      // "0-2,7"; sched_setaffinity(2)

}  // namespace ctr::runtime
