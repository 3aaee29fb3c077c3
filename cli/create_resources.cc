// plan_resources(): limits.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "cli/create_request.h"
#include "cli/quantities.h"

namespace ctr::cli {

namespace {

using nlohmann::json;

[[noreturn]] void invalid(const std::string& message) {
  throw sys::Error(sys::ErrorKind::invalid_argument, message);
}

template <class Number>
void set_number(json& object, const char* name, const std::optional<Number>& number) {
  if (number) object[name] = *number;
}

void plan_memory(const ContainerOptions& o, json& host) {
  if (!o.memory.empty()) host["Memory"] = parse_size(o.memory, "-m, --memory");
  if (!o.memory_swap.empty())
    host["MemorySwap"] = parse_size_or_unlimited(o.memory_swap, "--memory-swap");
  if (!o.memory_reservation.empty())
    host["MemoryReservation"] = parse_size(o.memory_reservation, "--memory-reservation");
  if (!o.shm_size.empty()) host["ShmSize"] = parse_size(o.shm_size, "--shm-size");
  if (o.memory_swappiness && (*o.memory_swappiness < -1 || *o.memory_swappiness > 100))
    invalid(fmt::format("invalid value: {}. Valid memory swappiness range is 0-100",
                        *o.memory_swappiness));
  set_number(host, "MemorySwappiness", o.memory_swappiness);
  if (o.oom_score_adj && (*o.oom_score_adj < -1000 || *o.oom_score_adj > 1000))
    invalid(fmt::format("invalid value {} for --oom-score-adj: the range is -1000 to 1000",
                        *o.oom_score_adj));
  set_number(host, "OomScoreAdj", o.oom_score_adj);
  if (o.oom_kill_disable) host["OomKillDisable"] = true;
}

void plan_cpu(const ContainerOptions& o, json& host) {
  if (!o.cpus.empty()) {
    if (o.cpu_period || o.cpu_quota)
      invalid(
          "conflicting options: --cpus cannot be used together with --cpu-period or --cpu-quota");
    host["NanoCpus"] = parse_nano_cpus(o.cpus, "--cpus");
  }
  set_number(host, "CpuShares", o.cpu_shares);
  set_number(host, "CpuPeriod", o.cpu_period);
  set_number(host, "CpuQuota", o.cpu_quota);
  set_number(host, "CpuRealtimePeriod", o.cpu_rt_period);
  set_number(host, "CpuRealtimeRuntime", o.cpu_rt_runtime);
  if (!o.cpuset_cpus.empty()) host["CpusetCpus"] = o.cpuset_cpus;
  if (!o.cpuset_mems.empty()) host["CpusetMems"] = o.cpuset_mems;
}

// "nofile=1024:2048".
json parse_ulimit(const std::string& text) {
  static constexpr std::string_view known[] = {
      "as",   "core",   "cpu",   "data", "fsize",  "locks",  "memlock",    "msgqueue",
      "nice", "nofile", "nproc", "rss",  "rtprio", "rttime", "sigpending", "stack"};
  size_t equals = text.find('=');
  std::string name = text.substr(0, equals);
  if (equals == std::string::npos ||
      std::find(std::begin(known), std::end(known), name) == std::end(known))
    invalid(fmt::format("invalid ulimit argument: {}; say for example nofile=1024:2048", text));
  std::string values = text.substr(equals + 1);
  size_t colon = values.find(':');
  int64_t soft = parse_integer(values.substr(0, colon), "--ulimit", -1, INT64_MAX);
  int64_t hard = colon == std::string::npos
                     ? soft
                     : parse_integer(values.substr(colon + 1), "--ulimit", -1, INT64_MAX);
  if (hard != -1 && (soft == -1 || soft > hard))
    invalid(fmt::format("ulimit soft limit must be less than or equal to hard limit: {}", text));
  return {{"Name", name}, {"Soft", soft}, {"Hard", hard}};
}

// "/dev/sda:VALUE" with what comes behind the last colon.
std::pair<std::string, std::string> split_device(const std::string& text, const char* flag) {
  size_t colon = text.rfind(':');
  if (colon == std::string::npos || !text.starts_with("/dev/"))
    invalid(fmt::format("bad format for {}: {}; say /dev/NAME:VALUE", flag, text));
  return {text.substr(0, colon), text.substr(colon + 1)};
}

void plan_disks(const ContainerOptions& o, json& host) {
  if (o.blkio_weight && *o.blkio_weight != 0 && (*o.blkio_weight < 10 || *o.blkio_weight > 1000))
    invalid("range of blkio weight is from 10 to 1000");
  set_number(host, "BlkioWeight", o.blkio_weight);
  for (const std::string& text : o.blkio_weight_devices) {
    auto [device, weight] = split_device(text, "--blkio-weight-device");
    host["BlkioWeightDevice"].push_back(
        {{"Path", device}, {"Weight", parse_integer(weight, "--blkio-weight-device", 0, 1000)}});
  }
  auto rates = [&host](const Texts& texts, const char* name, const char* flag, bool bytes) {
    for (const std::string& text : texts) {
      auto [device, rate] = split_device(text, flag);
      host[name].push_back(
          {{"Path", device},
           {"Rate", bytes ? parse_size(rate, flag) : parse_integer(rate, flag, 0, INT64_MAX)}});
    }
  };
  rates(o.read_bps, "BlkioDeviceReadBps", "--device-read-bps", true);
  rates(o.write_bps, "BlkioDeviceWriteBps", "--device-write-bps", true);
  rates(o.read_iops, "BlkioDeviceReadIOps", "--device-read-iops", false);
  rates(o.write_iops, "BlkioDeviceWriteIOps", "--device-write-iops", false);
}

}  // namespace

void plan_resources(const ContainerOptions& options, json& host_config) {
  plan_memory(options, host_config);
  plan_cpu(options, host_config);
  plan_disks(options, host_config);
  set_number(host_config, "PidsLimit", options.pids_limit);
  if (!options.cgroup_parent.empty()) host_config["CgroupParent"] = options.cgroup_parent;
  for (const std::string& text : options.ulimits)
    host_config["Ulimits"].push_back(parse_ulimit(text));
}

}  // namespace ctr::cli
