// Configurations at random: every one is refused by an error that says why, or comes through all that is
// decided before a container is made, and means the same when it is written and read again. The seeds are
// fixed; CTR_FUZZ_ROUNDS makes it longer, and the asan preset looks for more than exceptions.
#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <random>

#include "../cgroup/layouts.h"
#include "../fuzz_rounds.h"
#include "runtime/cgroup/device_filter.h"
#include "runtime/cgroup/plan.h"
#include "runtime/mount_plan.h"
#include "runtime/oci/config.h"
#include "runtime/oci/spec_template.h"
#include "runtime/oci/systemd_scope.h"
#include "runtime/security/seccomp_compiler.h"
#include "runtime/spec_json.h"
#include "runtime/sys/error.h"

using namespace ctr::runtime;
using namespace ctr::runtime::oci;
using nlohmann::json;

namespace {

// Everything that the specification has a field for.
json rich_config() {
  json config = json::parse(spec_template());
  config["process"].update(json::parse(R"({
    "consoleSize": {"height": 24, "width": 80}, "user": {"uid": 1, "gid": 2, "umask": 18, "additionalGids": [3]},
    "apparmorProfile": "x", "selinuxLabel": "y", "oomScoreAdj": 5,
    "scheduler": {"policy": "SCHED_FIFO", "priority": 3, "flags": ["SCHED_FLAG_RESET_ON_FORK"]},
    "ioPriority": {"class": "IOPRIO_CLASS_BE", "priority": 4}, "execCPUAffinity": {"initial": "0", "final": "0-1"}})"));
  config["linux"].update(json::parse(R"({
    "cgroupsPath": "/a/b", "sysctl": {"net.ipv4.ip_forward": "1"}, "rootfsPropagation": "rslave",
    "devices": [{"path": "/dev/x", "type": "c", "major": 1, "minor": 3, "fileMode": 438, "uid": 0, "gid": 0}],
    "timeOffsets": {"monotonic": {"secs": 1, "nanosecs": 2}}, "personality": {"domain": "LINUX32"},
    "memoryPolicy": {"mode": "MPOL_BIND", "nodes": "0", "flags": []}, "netDevices": {"eth9": {"name": "n"}},
    "uidMappings": [{"containerID": 0, "hostID": 1000, "size": 10}],
    "gidMappings": [{"containerID": 0, "hostID": 1000, "size": 10}],
    "resources": {"devices": [{"allow": true, "type": "c", "major": 1, "minor": -1, "access": "rw"}],
      "memory": {"limit": 67108864, "reservation": 1, "swap": -1, "swappiness": 10, "checkBeforeUpdate": true},
      "cpu": {"shares": 10, "quota": 1000, "burst": 5, "period": 100000, "cpus": "0", "mems": "0", "idle": 0},
      "pids": {"limit": 5}, "blockIO": {"weight": 10, "weightDevice": [{"major": 8, "minor": 0, "weight": 20}],
      "throttleReadBpsDevice": [{"major": 8, "minor": 0, "rate": 9}]}, "hugepageLimits": [{"pageSize": "2MB", "limit": 4}],
      "network": {"classID": 1, "priorities": [{"name": "lo", "priority": 2}]}, "rdma": {"m": {"hcaHandles": 1}},
      "unified": {"memory.high": "1"}},
    "seccomp": {"defaultAction": "SCMP_ACT_ERRNO", "architectures": ["SCMP_ARCH_X86_64"], "flags": [],
      "syscalls": [{"names": ["read"], "action": "SCMP_ACT_ALLOW",
                    "args": [{"index": 0, "value": 1, "valueTwo": 2, "op": "SCMP_CMP_MASKED_EQ"}]}]}})"));
  config["hooks"] = json::parse(R"({"poststop": [{"path": "/h", "args": ["h"], "env": ["A=b"], "timeout": 3}]})");
  config["annotations"] = {{"org.systemd.property.TimeoutStopSec", "uint64 5"}};
  return config;
}

class Mutator {
 public:
  explicit Mutator(uint64_t seed) : random_(seed) {}

  size_t below(size_t limit) { return static_cast<size_t>(random_() % limit); }

  // Changes one value somewhere below.
  void mutate(json& value) {
    const bool inside = value.is_structured() && !value.empty() && below(8) != 0;
    if (!inside) return change(value);
    auto child = value.begin();
    std::advance(child, below(value.size()));
    if (below(12) == 0)
      value.erase(child);
    else
      mutate(*child);
  }

 private:
  void change(json& value) {
    static const json others[] = {
        nullptr, true, 0, -1, 1, 65536, INT64_MAX, INT64_MIN, UINT64_MAX, 1.5, "", "x", "/", "../..",
        std::string("a\0b", 3), "0-99999999", "-", "a\nb", std::string(5000, 'a'), json::array(), json::object(),
        json::array({nullptr}), json::object({{"", ""}})};
    if (value.is_string() && below(3) == 0) return change_text(value.get_ref<std::string&>());
    if (value.is_number_integer() && below(3) == 0) value = value.get<int64_t>() + static_cast<int64_t>(below(3)) - 1;
    else if (value.is_array() && !value.empty() && below(3) == 0) value.push_back(value[below(value.size())]);
    else value = others[below(std::size(others))];
  }

  void change_text(std::string& text) {
    if (text.empty() || below(3) == 0) text.insert(below(text.size() + 1), 1, static_cast<char>(below(128)));
    else if (below(2) == 0) text.erase(below(text.size()), 1);
    else text[below(text.size())] = "/.:,=-0aZ "[below(10)];
  }

  std::mt19937_64 random_;
};

// All that ctr-runtime decides of a configuration before it makes anything.
void decide(const std::string& text) {
  ContainerSpec spec = parse_spec(text);
  CHECK_NOTHROW(parse_spec(to_json(spec)));
  check_config(spec);
  complete_config(spec, "/bundle");
  (void)plan_cgroup_path(spec.cgroup_path, "id");
  for (const Mount& mount : spec.mounts) (void)plan_mount(mount);
  (void)make_device_filter(spec.resources.devices);
  (void)plan_limit_properties(spec.resources, true);
  (void)plan_annotated_properties(spec.annotations);
  for (const CgroupLayout& layout : {v1_layout(), v2_layout()}) {
    try {
      (void)plan_limits(spec.resources, layout);
    } catch (const ctr::sys::Error&) {
      // This one's controllers cannot do it.
    }
  }
  if (spec.seccomp.profile) (void)compile_profile(*spec.seccomp.profile);
  (void)plan_scope_name(spec.cgroup_path, "id");
}

}  // namespace

TEST_CASE("the configuration that the mutations begin with is a good one") {
  CHECK_NOTHROW(parse_spec(rich_config().dump()));
}

TEST_CASE("a spoilt configuration is refused by an error, and by nothing else") {
  const json good = rich_config();
  for (size_t round = 0; round < fuzz_rounds(3000); ++round) {
    Mutator mutator(round);
    json config = good;
    for (size_t changes = 1 + mutator.below(3); changes > 0; --changes) mutator.mutate(config);
    CAPTURE(round);
    try {
      decide(config.dump(-1, ' ', false, json::error_handler_t::replace));
    } catch (const ctr::sys::Error& error) {
      CHECK(std::string(error.what()).size() > 5);
    }
  }
}

TEST_CASE("bytes at random are refused by an error, and by nothing else") {
  const std::string good = rich_config().dump();
  for (size_t round = 0; round < fuzz_rounds(2000); ++round) {
    Mutator mutator(round);
    std::string text = good;
    for (size_t changes = 1 + mutator.below(5); changes > 0; --changes) {
      const size_t at = mutator.below(text.size());
      if (mutator.below(2) == 0) text[at] = static_cast<char>(mutator.below(256));
      else text.erase(at, mutator.below(20));
    }
    CAPTURE(round);
    try {
      decide(text);
    } catch (const ctr::sys::Error&) {
      // Refused, with a reason.
    }
  }
}
