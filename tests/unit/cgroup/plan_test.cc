#include "runtime/cgroup/plan.h"

#include <doctest/doctest.h>

#include <functional>

#include "layouts.h"
#include "runtime/sys/error.h"

using namespace ctr::runtime;
using ctr::sys::Error;
using ctr::sys::ErrorKind;

namespace {

// "file=value file=value …": what a plan writes, in order.
std::string written(const Resources& resources, const CgroupLayout& layout) {
  std::string text;
  for (const LimitWrite& write : plan_limits(resources, layout))
    text += (text.empty() ? "" : "; ") + write.file + "=" + write.value;
  return text;
}

struct Case {
  const char* name;
  std::function<void(Resources&)> set;
  const char* v1;
  const char* v2;
};

const Case cases[] = {
    {"nothing asked for", [](Resources&) {}, "", ""},
    {"memory", [](Resources& r) { r.memory.limit = 67108864; }, "memory.limit_in_bytes=67108864",
     "memory.max=67108864"},
    {"memory and swap",
     [](Resources& r) {
       r.memory.limit = 100;
       r.memory.swap = 300;
     },
     "memory.limit_in_bytes=100; memory.memsw.limit_in_bytes=300",
     "memory.swap.max=200; memory.max=100"},
    {"no swap at all",
     [](Resources& r) {
       r.memory.limit = 100;
       r.memory.swap = 100;
     },
     "memory.limit_in_bytes=100; memory.memsw.limit_in_bytes=100",
     "memory.swap.max=0; memory.max=100"},
    {"unlimited swap is lifted before memory is set",
     [](Resources& r) {
       r.memory.limit = 100;
       r.memory.swap = -1;
     },
     "memory.memsw.limit_in_bytes=-1; memory.limit_in_bytes=100",
     "memory.swap.max=max; memory.max=100"},
    {"unlimited memory lifts swap too", [](Resources& r) { r.memory.limit = -1; },
     "memory.memsw.limit_in_bytes=-1; memory.limit_in_bytes=-1",
     "memory.swap.max=max; memory.max=max"},
    {"reservation", [](Resources& r) { r.memory.reservation = 5; }, "memory.soft_limit_in_bytes=5",
     "memory.low=5"},
    {"zero means not set",
     [](Resources& r) {
       r.memory.limit = 0;
       r.cpu.shares = 0;
       r.cpu.quota = 0;
     },
     "", ""},
    {"shares", [](Resources& r) { r.cpu.shares = 1024; }, "cpu.shares=1024", "cpu.weight=100"},
    {"quota and period",
     [](Resources& r) {
       r.cpu.quota = 50000;
       r.cpu.period = 100000;
     },
     "cpu.cfs_period_us=100000; cpu.cfs_quota_us=50000", "cpu.max=50000 100000"},
    {"a quota alone keeps the period", [](Resources& r) { r.cpu.quota = 50000; },
     "cpu.cfs_quota_us=50000", "cpu.max=50000"},
    {"no quota", [](Resources& r) { r.cpu.quota = -1; }, "cpu.cfs_quota_us=-1", "cpu.max=max"},
    {"burst", [](Resources& r) { r.cpu.burst = 10; }, "cpu.cfs_burst_us=10", "cpu.max.burst=10"},
    {"becoming idle comes last",
     [](Resources& r) {
       r.cpu.shares = 2;
       r.cpu.idle = 1;
     },
     "cpu.shares=2; cpu.idle=1", "cpu.weight=1; cpu.idle=1"},
    {"CPUs and memory nodes",
     [](Resources& r) {
       r.cpu.cpus = "0-1,3";
       r.cpu.mems = "0";
     },
     "cpuset.cpus=0-1,3; cpuset.mems=0", "cpuset.cpus=0-1,3; cpuset.mems=0"},
    {"pids", [](Resources& r) { r.pids_limit = 20; }, "pids.max=20", "pids.max=20"},
    {"pids unlimited", [](Resources& r) { r.pids_limit = -1; }, "pids.max=max", "pids.max=max"},
    {"I/O weight", [](Resources& r) { r.block_io.weight = 500; }, "blkio.bfq.weight=500",
     "io.bfq.weight=500"},
    {"throttling",
     [](Resources& r) {
       r.block_io.read_bps = {{8, 0, 1048576}};
       r.block_io.write_iops = {{8, 16, 30}};
     },
     "blkio.throttle.read_bps_device=8:0 1048576; blkio.throttle.write_iops_device=8:16 30",
     "io.max=8:0 rbps=1048576; io.max=8:16 wiops=30"},
    {"throttling lifted",
     [](Resources& r) {
       r.block_io.write_bps = {{8, 0, 0}};
     },
     "blkio.throttle.write_bps_device=8:0 0", "io.max=8:0 wbps=max"},
    {"huge pages",
     [](Resources& r) {
       r.hugepage_limits = {{"2MB", 4194304}};
     },
     "hugetlb.2MB.limit_in_bytes=4194304; hugetlb.2MB.rsvd.limit_in_bytes=4194304",
     "hugetlb.2MB.max=4194304; hugetlb.2MB.rsvd.max=4194304"},
};

ErrorKind refusal(const Resources& resources, const CgroupLayout& layout, std::string& text) {
  try {
    plan_limits(resources, layout);
  } catch (const Error& error) {
    text = error.what();
    return error.kind();
  }
  text = "accepted";
  return ErrorKind::internal;
}

void check_refused(std::function<void(Resources&)> set, const CgroupLayout& layout, ErrorKind kind,
                   const std::string& part) {
  Resources resources;
  set(resources);
  std::string text;
  CHECK(refusal(resources, layout, text) == kind);
  CAPTURE(text);
  CHECK(text.find(part) != std::string::npos);
}

}  // namespace

TEST_CASE("limits become the files of v1 and of v2") {
  for (const Case& one : cases) {
    CAPTURE(one.name);
    Resources resources;
    one.set(resources);
    CHECK(written(resources, v1_layout()) == one.v1);
    CHECK(written(resources, v2_layout()) == one.v2);
  }
}

TEST_CASE("shares become weights so that both defaults and both ends meet") {
  CHECK(weight_of_shares(0) == 0);
  CHECK(weight_of_shares(1) == 1);
  CHECK(weight_of_shares(2) == 1);
  CHECK(weight_of_shares(1024) == 100);
  CHECK(weight_of_shares(262144) == 10000);
  CHECK(weight_of_shares(1000000) == 10000);
  uint64_t last = 0;
  for (uint64_t shares = 2; shares <= 262144; shares += 7) {
    REQUIRE(weight_of_shares(shares) >= last);
    last = weight_of_shares(shares);
  }
  CHECK(io_weight_of_blkio_weight(10) == 1);
  CHECK(io_weight_of_blkio_weight(1000) == 10000);
}

TEST_CASE("an I/O weight falls back to the file of another scheduler in its scale") {
  Resources resources;
  resources.block_io.weight = 1000;
  resources.block_io.weight_devices = {{8, 0, 10, 0}};
  const auto v2 = plan_limits(resources, v2_layout());
  REQUIRE(v2.size() == 2);
  CHECK(v2[0].fallback_file == "io.weight");
  CHECK(v2[0].fallback_value == "default 10000");
  CHECK(v2[1].fallback_value == "8:0 1");
  CHECK(plan_limits(resources, v1_layout())[1].fallback_file == "blkio.weight_device");
}

TEST_CASE("limits that cannot be meant are refused with field and value") {
  const auto invalid = ErrorKind::invalid_argument;
  const CgroupLayout v1 = v1_layout();
  check_refused([](Resources& r) { r.memory.limit = -5; }, v1, invalid, "memory.limit '-5'");
  check_refused([](Resources& r) { r.memory.swap = 100; }, v1, invalid, "memory.swap '100'");
  check_refused(
      [](Resources& r) {
        r.memory.limit = 200;
        r.memory.swap = 100;
      },
      v2_layout(), invalid, "memory.swap '100'");
  check_refused([](Resources& r) { r.memory.swappiness = 101; }, v1, invalid, "'101'");
  check_refused([](Resources& r) { r.cpu.shares = 1; }, v1, invalid, "cpu.shares '1'");
  check_refused([](Resources& r) { r.cpu.shares = 262145; }, v1, invalid, "cpu.shares '262145'");
  check_refused([](Resources& r) { r.cpu.quota = 999; }, v1, invalid, "cpu.quota '999'");
  check_refused([](Resources& r) { r.cpu.period = 999; }, v1, invalid, "cpu.period '999'");
  check_refused([](Resources& r) { r.cpu.cpus = "0;rm"; }, v1, invalid, "cpu.cpus '0;rm'");
  check_refused([](Resources& r) { r.pids_limit = -2; }, v1, invalid, "pids.limit '-2'");
  check_refused([](Resources& r) { r.block_io.weight = 5; }, v1, invalid, "'5'");
  check_refused([](Resources& r) { r.hugepage_limits = {{"../x", 1}}; }, v1, invalid, "'../x'");
  check_refused([](Resources& r) { r.hugepage_limits = {{"../2MB", 1}}; }, v1, invalid, "../2MB");
  check_refused([](Resources& r) { r.network_priorities = {{"a b", 1}}; }, v1, invalid, "'a b'");
}

TEST_CASE("raw v2 files must be limits of one directory") {
  for (const char* file : {"../memory.max", "memory", "cgroup.procs", "cgroup.kill", ".x", "a b.c"})
    check_refused([&](Resources& r) { r.unified[file] = "1"; }, v2_layout(),
                  ErrorKind::invalid_argument, "unified");
  Resources resources;
  resources.unified = {{"memory.high", "5"}, {"cgroup.max.depth", "3"}};
  CHECK(written(resources, v2_layout()) == "cgroup.max.depth=3; memory.high=5");
  check_refused([](Resources& r) { r.unified["memory.high"] = "5"; }, v1_layout(),
                ErrorKind::unsupported, "cgroup v1");
}

TEST_CASE("a limit that this machine cannot keep is refused in words") {
  CgroupLayout layout = v1_layout();
  std::erase_if(layout.hierarchies, [](const Hierarchy& h) { return h.has("pids"); });
  check_refused([](Resources& r) { r.pids_limit = 5; }, layout, ErrorKind::unsupported,
                "cannot limit pids: the pids controller is not available");
  Resources unlimited;
  unlimited.pids_limit = 0;
  CHECK(written(unlimited, layout) == "");
  layout.swap_accounting = false;
  check_refused(
      [](Resources& r) {
        r.memory.limit = 1;
        r.memory.swap = 2;
      },
      layout, ErrorKind::unsupported, "cannot limit swap");
  check_refused([](Resources& r) { r.memory.swappiness = 1; }, v2_layout(), ErrorKind::unsupported,
                "swappiness");
  check_refused([](Resources& r) { r.memory.limit = 1; }, CgroupLayout{}, ErrorKind::unsupported,
                "available: none");
}

TEST_CASE("device rules are in v1's plan and not in v2's") {
  Resources resources;
  resources.devices = {{true, 'c', 1, 3, "rw"}};
  CHECK(written(resources, v1_layout()) == "devices.deny=a; devices.allow=c 1:3 rw");
  CHECK(written(resources, v2_layout()) == "");
}
