// The single options of `update`, and the file that holds them all. Pure.
#pragma once

#include <optional>
#include <string>

#include "runtime/oci/options.h"
#include "runtime/spec.h"

namespace ctr::runtime::oci {

struct ResourceOptions {
  std::string memory, memory_reservation, memory_swap;  // "64m", "1073741824", "-1"
  std::string kernel_memory, kernel_memory_tcp;         // taken and not looked at, as by runc
  std::string cpus, mems;
  std::string l3_cache_schema, memory_bandwidth_schema;
  std::optional<int64_t> cpu_shares, cpu_quota, cpu_period, cpu_burst, cpu_idle;
  std::optional<int64_t> cpu_realtime_runtime, cpu_realtime_period;
  std::optional<int64_t> block_io_weight, pids_limit;

  void declare(Options& options);
};

// Error{invalid_argument} that names the option.
Resources plan_resources(const ResourceOptions& options);

// Bytes: "1048576", "1024k", "1m", "1MiB", "-1".
int64_t parse_size(const std::string& text, const char* option);

}  // namespace ctr::runtime::oci
