#include "runtime/oci/systemd_scope.h"

#include <doctest/doctest.h>

#include "runtime/sys/error.h"

using namespace ctr::runtime;
using namespace ctr::runtime::oci;

TEST_CASE("a scope is named by slice, prefix and name, as engines write them") {
  CHECK(plan_scope_name("", "c1") == ScopeName{"system.slice", "ctr-c1.scope"});
  CHECK(plan_scope_name("machine.slice:libpod:abc", "c1") ==
        ScopeName{"machine.slice", "libpod-abc.scope"});
  CHECK(plan_scope_name("kubepods-burstable-pod1_2.slice:cri-containerd:abc", "c1") ==
        ScopeName{"kubepods-burstable-pod1_2.slice", "cri-containerd-abc.scope"});
  CHECK(plan_scope_name(":docker:abc", "c1") == ScopeName{"", "docker-abc.scope"});
  CHECK(plan_scope_name("user.slice::abc", "c1") == ScopeName{"user.slice", "abc.scope"});
}

TEST_CASE("what cannot be a scope is refused") {
  for (const char* path : {"/a/b", "a", "a.slice:b", "a.slice:b:c:d", "a:b:c", "a.slice:b/c:d",
                           "a.slice:b:c d", "..:a:b"}) {
    CAPTURE(path);
    CHECK_THROWS_AS(plan_scope_name(path, "c1"), ctr::sys::Error);
  }
  CHECK_THROWS_AS(plan_scope_name("a.slice:b:" + std::string(300, 'x'), "c1"), ctr::sys::Error);
}

TEST_CASE("limits are told to systemd in its units") {
  Resources resources;
  CHECK(plan_limit_properties(resources, true).empty());
  resources.memory.limit = 64 << 20;
  resources.memory.swap = 96 << 20;
  resources.memory.reservation = 32 << 20;
  resources.cpu.shares = 1024;
  resources.cpu.quota = 25'500;
  resources.cpu.period = 50'000;
  resources.pids_limit = -1;
  CHECK(plan_limit_properties(resources, true) ==
        std::vector<UnitProperty>{{"MemoryMax", "t", "67108864"},
                                  {"MemoryLow", "t", "33554432"},
                                  {"MemorySwapMax", "t", "33554432"},
                                  {"CPUWeight", "t", "100"},
                                  {"CPUQuotaPeriodUSec", "t", "50000"},
                                  {"CPUQuotaPerSecUSec", "t", "510000"},
                                  {"TasksMax", "t", "18446744073709551615"}});
  CHECK(plan_limit_properties(resources, false) ==
        std::vector<UnitProperty>{{"MemoryLimit", "t", "67108864"},
                                  {"CPUShares", "t", "1024"},
                                  {"CPUQuotaPeriodUSec", "t", "50000"},
                                  {"CPUQuotaPerSecUSec", "t", "510000"},
                                  {"TasksMax", "t", "18446744073709551615"}});
  resources = {};
  resources.memory.limit = -1;
  resources.memory.swap = -1;
  resources.cpu.quota = -1;
  for (const UnitProperty& property : plan_limit_properties(resources, true))
    CHECK(property[2] == "18446744073709551615");
}

TEST_CASE("annotations set properties of the scope") {
  CHECK(plan_annotated_properties({{"other", "1"},
                                   {"org.systemd.property.CollectMode", "'inactive'"},
                                   {"org.systemd.property.SendSIGHUP", "true"},
                                   {"org.systemd.property.TimeoutStopSec", "uint64 5"},
                                   {"org.systemd.property.TimeoutStopUSec", "uint64 7"}}) ==
        std::vector<UnitProperty>{{"CollectMode", "s", "inactive"},
                                  {"SendSIGHUP", "b", "true"},
                                  {"TimeoutStopUSec", "t", "5000000"},
                                  {"TimeoutStopUSec", "t", "7"}});
  for (const char* value : {"", "uint64", "uint64 x", "[1]", "uint9 7", "-"}) {
    CAPTURE(value);
    CHECK_THROWS_AS(plan_annotated_properties({{"org.systemd.property.A", value}}), ctr::sys::Error);
  }
  CHECK_THROWS_AS(plan_annotated_properties({{"org.systemd.property.ASec", "true"}}), ctr::sys::Error);
}
