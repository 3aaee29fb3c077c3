#include "runtime/security/rlimits.h"

#include <doctest/doctest.h>
#include <sys/resource.h>

#include "runtime/sys/error.h"

using namespace ctr::runtime;
using ctr::sys::Error;

TEST_CASE("limits have names with and without prefix") {
  CHECK(find_rlimit("RLIMIT_NOFILE") == RLIMIT_NOFILE);
  CHECK(find_rlimit("nproc") == RLIMIT_NPROC);
  CHECK(!find_rlimit("RLIMIT_"));
  CHECK(!find_rlimit("files"));
}

TEST_CASE("a ulimit is a name with one or two numbers") {
  const Rlimit both = parse_ulimit("nofile=1024:2048");
  CHECK(both.name == "RLIMIT_NOFILE");
  CHECK(both.soft == 1024);
  CHECK(both.hard == 2048);
  CHECK(!both.is_default);
  CHECK(parse_ulimit("nproc=64").hard == 64);
  CHECK(parse_ulimit("core=-1").soft == RLIM_INFINITY);
  CHECK(parse_ulimit("core=0:-1").hard == RLIM_INFINITY);
}

TEST_CASE("a ulimit that says nothing sensible is refused") {
  for (const char* text : {"", "nofile", "nofile=", "nofile=a", "nofile=1:", "nofile=1:2:3",
                           "files=1", "nofile=2:1", "nofile=-1:5", "nofile=-2", "nofile= 1",
                           "nofile=99999999999999999999", "RLIMIT_NOFILE=1", "=1"}) {
    CAPTURE(text);
    CHECK_THROWS_AS(parse_ulimit(text), Error);
  }
}

TEST_CASE("a default is clamped to what is allowed, what the user asked for is not") {
  Rlimit wanted{"RLIMIT_NOFILE", 1048576, 1048576, true};
  CHECK(plan_rlimit(wanted, 20000, false).hard == 20000);
  CHECK(plan_rlimit(wanted, 20000, false).soft == 20000);
  CHECK(plan_rlimit(wanted, 20000, true).hard == 1048576);
  CHECK(plan_rlimit({"RLIMIT_NOFILE", 1024, 1048576, true}, 20000, false).soft == 1024);
  wanted.is_default = false;
  CHECK(plan_rlimit(wanted, 20000, false).hard == 1048576);
}

TEST_CASE("more than is allowed is refused, not set lower in silence") {
  rlimit now{};
  REQUIRE(::getrlimit(RLIMIT_CORE, &now) == 0);
  CHECK_NOTHROW(apply_rlimits({{"RLIMIT_CORE", now.rlim_cur, now.rlim_max, false}}));
  CHECK_THROWS_AS(apply_rlimits({{"RLIMIT_BOGUS", 1, 1, false}}), Error);
}
