#include "runtime/oci/systemd_scope.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <thread>

#include "runtime/cgroup/layout.h"
#include "runtime/cgroup/plan.h"
#include "runtime/sys/error.h"
#include "runtime/sys/file.h"

namespace ctr::runtime::oci {

namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;
using sys::Error;
using sys::ErrorKind;

constexpr milliseconds start_deadline{30'000};
// A unit of the same name that is just going: a container that was deleted a moment ago.
constexpr milliseconds name_deadline{2'000};
constexpr const char* busctl = "/usr/bin/busctl";
constexpr const char* annotation_prefix = "org.systemd.property.";
constexpr uint64_t infinity = UINT64_MAX;

bool is_unit_name(const std::string& name) {
  // systemd.unit(5).
  return !name.empty() && name.size() < 256 &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  std::string_view(":-_.\\@").find(c) != std::string_view::npos;
         });
}

uint64_t or_infinity(int64_t value) {
  return value < 0 ? infinity : static_cast<uint64_t>(value);
}

UnitProperty number_property(const char* name, uint64_t value) {
  return {name, "t", std::to_string(value)};
}

// systemd counts in microseconds of a second, and rounds its quota to whole hundredths of one.
uint64_t quota_per_second(int64_t quota, uint64_t period) {
  if (quota <= 0) return infinity;
  constexpr uint64_t second = 1'000'000;
  constexpr uint64_t grain = 10'000;
  const uint64_t exact = static_cast<uint64_t>(quota) * second / std::max<uint64_t>(period, 1);
  return (exact + grain - 1) / grain * grain;
}

std::vector<std::string> bus_call(const std::string& method, const std::string& signature) {
  return {::geteuid() == 0 ? "--system" : "--user",
          "--quiet",
          "call",
          "org.freedesktop.systemd1",
          "/org/freedesktop/systemd1",
          "org.freedesktop.systemd1.Manager",
          method,
          signature};
}

void append(std::vector<std::string>& words, const std::vector<UnitProperty>& properties) {
  words.push_back(std::to_string(properties.size()));
  for (const UnitProperty& property : properties)
    words.insert(words.end(), property.begin(), property.end());
}

// What busctl says of a call that failed; nullopt for one that did not.
std::optional<std::string> find_failure(const std::vector<std::string>& words) {
  sys::CommandResult result = sys::run_command(busctl, words);
  if (result.status.exit_code() == 0) return std::nullopt;
  std::string text = result.output;
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text.empty() ? fmt::format("busctl: exit status {}", result.status.exit_code()) : text;
}

// A process that waits for its end, which is ours at the latest.
sys::Process start_placeholder() {
  const pid_t parent = ::getpid();
  const pid_t pid = sys::check(::fork(), "fork");
  if (pid == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    while (::getppid() == parent) ::pause();
    ::_exit(0);
  }
  return {pid, sys::UniqueFd(static_cast<int>(
                   sys::check(::syscall(SYS_pidfd_open, pid, 0), "pidfd_open", long{pid})))};
}

// The cgroup of a process, if it is that of the unit: lines "0::/system.slice/a.scope".
std::optional<std::string> find_scope_path(pid_t pid, const std::string& unit) {
  const std::string text = sys::read_file(fmt::format("/proc/{}/cgroup", pid));
  const size_t end = text.find("/" + unit + "\n");
  if (end == std::string::npos) return std::nullopt;
  const size_t start = text.rfind(':', end);
  return text.substr(start + 1, end - start - 1) + "/" + unit;
}

void start_unit(const ScopeName& name, const std::vector<UnitProperty>& properties) {
  std::vector<std::string> words = bus_call("StartTransientUnit", "ssa(sv)a(sa(sv))");
  words.insert(words.end(), {name.unit, "fail"});
  append(words, properties);
  words.push_back("0");
  const auto deadline = steady_clock::now() + name_deadline;
  while (std::optional<std::string> failure = find_failure(words)) {
    const bool is_taken = failure->find("already") != std::string::npos;
    if (!is_taken || steady_clock::now() > deadline)
      throw Error(is_taken ? ErrorKind::conflict : ErrorKind::unavailable,
                  fmt::format("systemd does not start the scope '{}': {}", name.unit, *failure));
    std::this_thread::sleep_for(milliseconds(20));
  }
}

bool is_integer(std::string_view text) {
  if (text.starts_with('-')) text.remove_prefix(1);
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

// "'text'", "true", "uint64 7": what annotations are written with.
UnitProperty parse_property(const std::string& name, const std::string& value) {
  if (value == "true" || value == "false") return {name, "b", value};
  if (value.size() >= 2 && (value.front() == '\'' || value.front() == '"') &&
      value.back() == value.front())
    return {name, "s", value.substr(1, value.size() - 2)};
  const size_t space = value.find(' ');
  const std::string type = space == std::string::npos ? "int32" : value.substr(0, space);
  const std::string number = space == std::string::npos ? value : value.substr(space + 1);
  for (const auto& [text, code] : {std::pair("uint64", "t"), std::pair("uint32", "u"),
                                   std::pair("int64", "x"), std::pair("int32", "i")})
    if (type == text && is_integer(number)) return {name, code, number};
  throw Error(ErrorKind::invalid_argument,
              fmt::format("config.json: annotations.{}{}: '{}' is no truth value, quoted text or "
                          "number with its type",
                          annotation_prefix, name, value));
}

// Times are given in seconds to people and in microseconds to the bus.
UnitProperty in_microseconds(UnitProperty property) {
  std::string& name = property[0];
  if (!name.ends_with("Sec") || name.ends_with("USec")) return property;
  uint64_t seconds = 0;
  const std::string& text = property[2];
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (error != std::errc() || end != text.data() + text.size() || seconds > infinity / 1'000'000)
    throw Error(ErrorKind::invalid_argument,
                fmt::format("config.json: annotations.{}{}: '{}' is no number of seconds",
                            annotation_prefix, name, text));
  return {name.substr(0, name.size() - 3) + "USec", "t", std::to_string(seconds * 1'000'000)};
}

}  // namespace

ScopeName plan_scope_name(const std::string& cgroups_path, const std::string& id) {
  ScopeName name{"system.slice", fmt::format("ctr-{}.scope", id)};
  if (!cgroups_path.empty()) {
    const size_t first = cgroups_path.find(':');
    const size_t second = first == std::string::npos ? first : cgroups_path.find(':', first + 1);
    if (second == std::string::npos || cgroups_path.find(':', second + 1) != std::string::npos)
      throw Error(ErrorKind::invalid_argument,
                  fmt::format("config.json: linux.cgroupsPath: expected cgroupsPath to be of format "
                              "\"slice:prefix:name\" for systemd cgroups, got \"{}\" instead",
                              cgroups_path));
    const std::string prefix = cgroups_path.substr(first + 1, second - first - 1);
    const std::string last = cgroups_path.substr(second + 1);
    name.slice = cgroups_path.substr(0, first);
    name.unit = (prefix.empty() ? last : prefix + "-" + last) + ".scope";
  }
  if (!is_unit_name(name.unit) || name.unit == ".scope")
    throw Error(ErrorKind::invalid_argument,
                fmt::format("config.json: linux.cgroupsPath: '{}' cannot be a unit of systemd's",
                            name.unit));
  if (!name.slice.empty() && (!is_unit_name(name.slice) || !name.slice.ends_with(".slice")))
    throw Error(ErrorKind::invalid_argument,
                fmt::format("config.json: linux.cgroupsPath: '{}' is no slice", name.slice));
  return name;
}

std::vector<UnitProperty> plan_limit_properties(const Resources& resources, bool unified) {
  std::vector<UnitProperty> properties;
  const Resources::Memory& memory = resources.memory;
  if (memory.limit)
    properties.push_back(
        number_property(unified ? "MemoryMax" : "MemoryLimit", or_infinity(*memory.limit)));
  if (unified && memory.reservation)
    properties.push_back(number_property("MemoryLow", or_infinity(*memory.reservation)));
  if (unified && memory.swap && (*memory.swap < 0 || memory.limit))
    properties.push_back(number_property(
        "MemorySwapMax", *memory.swap < 0 ? infinity
                                          : static_cast<uint64_t>(std::max<int64_t>(
                                                *memory.swap - memory.limit.value_or(0), 0))));
  const Resources::Cpu& cpu = resources.cpu;
  if (cpu.shares)
    properties.push_back(unified ? number_property("CPUWeight", weight_of_shares(*cpu.shares))
                                 : number_property("CPUShares", *cpu.shares));
  if (cpu.period) properties.push_back(number_property("CPUQuotaPeriodUSec", *cpu.period));
  if (cpu.quota)
    properties.push_back(number_property("CPUQuotaPerSecUSec",
                                         quota_per_second(*cpu.quota, cpu.period.value_or(100'000))));
  if (resources.pids_limit)
    properties.push_back(number_property(
        "TasksMax", *resources.pids_limit <= 0 ? infinity
                                               : static_cast<uint64_t>(*resources.pids_limit)));
  return properties;
}

std::vector<UnitProperty> plan_annotated_properties(
    const std::map<std::string, std::string>& annotations) {
  std::vector<UnitProperty> properties;
  const std::string prefix = annotation_prefix;
  for (const auto& [key, value] : annotations)
    if (key.starts_with(prefix))
      properties.push_back(in_microseconds(parse_property(key.substr(prefix.size()), value)));
  return properties;
}

SystemdScope SystemdScope::start(const ScopeName& name, const ContainerSpec& spec) {
  if (!sys::exists("/run/systemd/system") || !sys::exists(busctl))
    throw Error(ErrorKind::unsupported,
                "--systemd-cgroup: systemd does not run on this machine; have the cgroups made "
                "without it (--cgroup-manager cgroupfs)");
  SystemdScope scope;
  scope.placeholder_ = start_placeholder();
  const pid_t pid = scope.placeholder_.pid();
  std::vector<UnitProperty> properties = {
      {"Description", "s", "container " + name.unit.substr(0, name.unit.size() - 6)},
      {"PIDs", "au", "1", std::to_string(pid)},
      {"Delegate", "b", "true"},
      {"DefaultDependencies", "b", "false"},
      {"CollectMode", "s", "inactive-or-failed"},
      {"MemoryAccounting", "b", "true"},
      {"CPUAccounting", "b", "true"},
      {"TasksAccounting", "b", "true"}};
  if (!name.slice.empty()) properties.push_back({"Slice", "s", name.slice});
  const bool unified = detect_layout().mode() == CgroupMode::v2;
  for (const auto& more : {plan_limit_properties(spec.resources, unified),
                           plan_annotated_properties(spec.annotations)})
    properties.insert(properties.end(), more.begin(), more.end());
  start_unit(name, properties);
  const auto deadline = steady_clock::now() + start_deadline;
  while (true) {
    if (std::optional<std::string> path = find_scope_path(pid, name.unit)) {
      scope.cgroup_path_ = std::move(*path);
      return scope;
    }
    if (steady_clock::now() > deadline)
      throw Error(ErrorKind::unavailable,
                  fmt::format("systemd has not made the scope '{}' in 30 seconds", name.unit));
    std::this_thread::sleep_for(milliseconds(1));
  }
}

SystemdScope::~SystemdScope() {
  if (!placeholder_) return;
  placeholder_.signal(SIGKILL);
  (void)placeholder_.wait();
}

void update_scope(const std::string& unit, const Resources& resources) {
  const std::vector<UnitProperty> properties =
      plan_limit_properties(resources, detect_layout().mode() == CgroupMode::v2);
  if (properties.empty()) return;
  std::vector<std::string> words = bus_call("SetUnitProperties", "sba(sv)");
  words.insert(words.end(), {unit, "true"});
  append(words, properties);
  if (std::optional<std::string> failure = find_failure(words))
    throw Error(ErrorKind::unavailable,
                fmt::format("systemd does not change the scope '{}': {}", unit, *failure));
}

}  // namespace ctr::runtime::oci
