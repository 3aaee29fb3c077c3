#include "runtime/oci/resource_options.h"

#include <ctype.h>

#include <limits>

namespace ctr::runtime::oci {

namespace {

// An option's number in the field's type: what does not fit is refused, not cut.
template <class Number>
void take(const std::optional<int64_t>& value, std::optional<Number>& field, const char* option) {
  if (!value) return;
  if (std::is_unsigned_v<Number> && *value < 0)
    throw UsageError(fmt::format("{} takes no negative number", option));
  if (static_cast<uint64_t>(std::numeric_limits<Number>::max()) < static_cast<uint64_t>(*value) &&
      *value > 0)
    throw UsageError(fmt::format("{}: {} is too large", option, *value));
  field = static_cast<Number>(*value);
}

void take_size(const std::string& text, std::optional<int64_t>& field, const char* option) {
  if (!text.empty()) field = parse_size(text, option);
}

int shift_of(char unit) {
  switch (::tolower(static_cast<unsigned char>(unit))) {
    case 'k':
      return 10;
    case 'm':
      return 20;
    case 'g':
      return 30;
    case 't':
      return 40;
    default:
      return -1;
  }
}

}  // namespace

int64_t parse_size(const std::string& text, const char* option) {
  std::string number = text;
  int shift = 0;
  for (const char* suffix : {"iB", "ib", "B", "b"}) {
    const size_t length = std::string_view(suffix).size();
    if (number.size() <= length || number.substr(number.size() - length) != suffix) continue;
    number.resize(number.size() - length);
    break;
  }
  if (!number.empty() && shift_of(number.back()) > 0) {
    shift = shift_of(number.back());
    number.pop_back();
  }
  const std::optional<int64_t> value = find_decimal(number);
  if (!value || *value < -1 || *value > (std::numeric_limits<int64_t>::max() >> shift))
    throw UsageError(fmt::format("{} takes a size such as 64m, or -1, not '{}'", option, text));
  return *value < 0 ? *value : *value << shift;
}

void ResourceOptions::declare(Options& options) {
  options.text("--memory", memory, "BYTES", "memory, e.g. 64m; -1 for no limit");
  options.text("--memory-reservation", memory_reservation, "BYTES",
               "memory that is left to it when the machine is short of it");
  options.text("--memory-swap", memory_swap, "BYTES", "memory plus swap; -1 for no limit");
  options.text("--kernel-memory", kernel_memory, "BYTES", "taken, and without effect");
  options.text("--kernel-memory-tcp", kernel_memory_tcp, "BYTES", "taken, and without effect");
  options.number("--cpu-share", cpu_shares, "N", "relative share of the processors, 2 to 262144");
  options.number("--cpu-quota", cpu_quota, "USEC", "processor time in each period; -1 for no limit");
  options.number("--cpu-period", cpu_period, "USEC", "length of a period");
  options.number("--cpu-burst", cpu_burst, "USEC", "unused time that it may save up");
  options.number("--cpu-idle", cpu_idle, "0|1", "run only when nobody else wants to");
  options.number("--cpu-rt-runtime", cpu_realtime_runtime, "USEC", "realtime in each period");
  options.number("--cpu-rt-period", cpu_realtime_period, "USEC", "length of a realtime period");
  options.text("--cpuset-cpus", cpus, "LIST", "processors that it may use, e.g. 0-2,7");
  options.text("--cpuset-mems", mems, "LIST", "memory nodes that it may use");
  options.number("--blkio-weight", block_io_weight, "N", "relative share of disk time, 10 to 1000");
  options.number("--pids-limit", pids_limit, "N", "processes and threads; -1 for no limit");
  options.text("--l3-cache-schema", l3_cache_schema, "SCHEMA", "Intel RDT: not supported");
  options.text("--mem-bw-schema", memory_bandwidth_schema, "SCHEMA", "Intel RDT: not supported");
}

Resources plan_resources(const ResourceOptions& options) {
  if (!options.l3_cache_schema.empty() || !options.memory_bandwidth_schema.empty())
    throw sys::Error(sys::ErrorKind::unsupported, "Intel RDT cannot be changed by update");
  Resources resources;
  take_size(options.memory, resources.memory.limit, "--memory");
  take_size(options.memory_reservation, resources.memory.reservation, "--memory-reservation");
  take_size(options.memory_swap, resources.memory.swap, "--memory-swap");
  take(options.cpu_shares, resources.cpu.shares, "--cpu-share");
  take(options.cpu_quota, resources.cpu.quota, "--cpu-quota");
  take(options.cpu_period, resources.cpu.period, "--cpu-period");
  take(options.cpu_burst, resources.cpu.burst, "--cpu-burst");
  take(options.cpu_idle, resources.cpu.idle, "--cpu-idle");
  take(options.cpu_realtime_runtime, resources.cpu.realtime_runtime, "--cpu-rt-runtime");
  take(options.cpu_realtime_period, resources.cpu.realtime_period, "--cpu-rt-period");
  resources.cpu.cpus = options.cpus;
  resources.cpu.mems = options.mems;
  take(options.block_io_weight, resources.block_io.weight, "--blkio-weight");
  take(options.pids_limit, resources.pids_limit, "--pids-limit");
  return resources;
}

}  // namespace ctr::runtime::oci
