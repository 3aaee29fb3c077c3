#include "runtime/cgroup/layout.h"

#include <doctest/doctest.h>

using namespace ctr::runtime;

namespace {
const char* const v1_machine =
    "31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755\n"
    "32 31 0:29 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu\n"
    "33 31 0:30 / /sys/fs/cgroup/cpuacct rw,relatime - cgroup cgroup rw,cpuacct\n"
    "35 31 0:32 / /sys/fs/cgroup/memory rw,relatime shared:9 - cgroup cgroup rw,memory\n"
    "40 31 0:37 / /sys/fs/cgroup/systemd rw - cgroup systemd rw,xattr,name=systemd\n";
}  // namespace

TEST_CASE("a v1 machine has a tree for each controller") {
  const CgroupLayout layout = parse_layout(v1_machine);
  CHECK(layout.mode() == CgroupMode::v1);
  REQUIRE(layout.hierarchies.size() == 4);
  REQUIRE(layout.find_controller("cpuacct"));
  CHECK(layout.find_controller("cpuacct")->mount_point == "/sys/fs/cgroup/cpuacct");
  CHECK(layout.find_controller("memory")->mount_point == "/sys/fs/cgroup/memory");
  CHECK(layout.find_controller("name=systemd"));
  CHECK(!layout.find_controller("rw"));
  CHECK(!layout.find_controller("pids"));
  CHECK(!layout.find_unified());
}

TEST_CASE("two controllers may share a tree") {
  const CgroupLayout layout =
      parse_layout("33 31 0:30 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n");
  CHECK(layout.hierarchies.size() == 1);
  CHECK(layout.find_controller("cpu") == layout.find_controller("cpuacct"));
}

TEST_CASE("a v2 tree beside v1 ones makes the machine hybrid and comes last") {
  const CgroupLayout layout = parse_layout(
      std::string("30 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw,nsdelegate\n") +
      v1_machine);
  CHECK(layout.mode() == CgroupMode::hybrid);
  REQUIRE(layout.find_unified());
  CHECK(layout.find_unified() == &layout.hierarchies.back());
  CHECK(layout.find_unified()->mount_point == "/sys/fs/cgroup/unified");
  CHECK(layout.find_unified()->controllers.empty());
}

TEST_CASE("a single v2 tree is a v2 machine") {
  const CgroupLayout layout = parse_layout("30 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n");
  CHECK(layout.mode() == CgroupMode::v2);
}

TEST_CASE("no cgroup mount at all is said so") {
  CHECK(parse_layout("1 0 8:1 / / rw - ext4 /dev/sda1 rw\n").mode() == CgroupMode::none);
  CHECK(parse_layout("").mode() == CgroupMode::none);
}

TEST_CASE("a tree mounted twice counts once, as a whole rather than as a part") {
  const CgroupLayout layout = parse_layout(
      "50 40 0:35 /docker/abc /jail/pids rw - cgroup cgroup rw,pids\n"
      "39 31 0:35 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids\n"
      "60 31 0:35 / /again/pids rw - cgroup cgroup rw,pids\n");
  REQUIRE(layout.hierarchies.size() == 1);
  CHECK(layout.hierarchies[0].mount_point == "/sys/fs/cgroup/pids");
}

TEST_CASE("inside a container a part of the tree is what there is") {
  const CgroupLayout layout =
      parse_layout("50 40 0:35 /docker/abc /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids\n");
  REQUIRE(layout.hierarchies.size() == 1);
  CHECK(layout.hierarchies[0].mount_point == "/sys/fs/cgroup/pids");
}

TEST_CASE("escaped characters in mount points are characters again") {
  const CgroupLayout layout =
      parse_layout("50 40 0:35 / /my\\040cgroups/a\\134b rw - cgroup2 cgroup2 rw\n");
  REQUIRE(layout.hierarchies.size() == 1);
  CHECK(layout.hierarchies[0].mount_point == "/my cgroups/a\\b");
}

TEST_CASE("lines that are no mountinfo are passed over") {
  CHECK(parse_layout("garbage\n- - - -\n1 2 3 4 5 6 - cgroup\n\n").hierarchies.empty());
}
