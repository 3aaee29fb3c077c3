#include "daemon/container_processes.h"

#include <doctest/doctest.h>

#include "runtime/sys/error.h"

using namespace ctr::daemon;

TEST_CASE("of what ps prints the container's processes stay") {
  ProcessTable table =
      parse_ps_output("  PID COMMAND\n    1 init\n   42 sh -c sleep 1\n   43 sleep 1\n", {42, 43});
  CHECK(table.titles == std::vector<std::string>{"PID", "COMMAND"});
  REQUIRE(table.rows.size() == 2);
  CHECK(table.rows[0] == std::vector<std::string>{"42", "sh -c sleep 1"});
}

TEST_CASE("without a column PID nothing can be told") {
  CHECK_THROWS_WITH_AS(parse_ps_output("COMMAND\ninit\n", {1}),
                       "Couldn't find PID field in ps output", ctr::sys::Error);
}

TEST_CASE("a process is described from /proc") {
  ProcessTable table = list_processes({1}, "");
  CHECK(table.titles.size() == 8);
  REQUIRE(table.rows.size() == 1);
  CHECK(table.rows[0].size() == 8);
  CHECK(table.rows[0][1] == "1");
}
