#include "daemon/user_ranges.h"

#include <doctest/doctest.h>

#include <set>

#include "daemon/container_checks.h"
#include "runtime/sys/error.h"

using namespace ctr::daemon;
using ctr::image::IdRange;
using ctr::image::IdRanges;
using ctr::sys::Error;

TEST_CASE("auto takes 65536 ids, or as many as it is told") {
  CHECK(parse_auto_size("auto") == 65536);
  CHECK(parse_auto_size("auto:size=1024") == 1024);
  CHECK(parse_auto_size("auto:size=200000") == 200000);
}

TEST_CASE("a user namespace mode that cannot be meant is refused with the user's words") {
  for (const char* mode :
       {"private", "keep-id", "auto:", "auto:size", "auto:size=", "auto:size=1023", "auto:size=-1",
        "auto:size=70000x", "auto:size=99999999999", "auto:size=4294967295", "AUTO",
        "container:x"}) {
    CAPTURE(mode);
    CHECK_THROWS_AS(parse_auto_size(mode), Error);
    try {
      parse_auto_size(mode);
    } catch (const Error& error) {
      CHECK(std::string(error.what()).find(mode) != std::string::npos);
      CHECK(error.kind() == ctr::sys::ErrorKind::invalid_argument);
    }
  }
}

TEST_CASE("who does not say has a user namespace where the daemon gives them") {
  CHECK_FALSE(wants_user_namespace("", false));
  CHECK(wants_user_namespace("", true));
  CHECK(wants_user_namespace("auto", false));
  CHECK_FALSE(wants_user_namespace("host", true));
}

TEST_CASE("the ids of a user are found in subuid(5) by name or by number") {
  const std::string text =
      "# "
      "comment\nalice:100000:65536\nbroken\nbob:x:1\nbob:5:0\n1001:300000:70000\nalice:900000:10\n";
  CHECK(find_subordinate_range(text, "alice", "1000").first == 100000);
  CHECK(find_subordinate_range(text, "alice", "1000").size == 65536);
  CHECK(find_subordinate_range(text, "carol", "1001").first == 300000);
  CHECK(find_subordinate_range(text, "bob", "1002").size == 0);
  CHECK(find_subordinate_range(text, "ali", "").size == 0);
  CHECK(find_subordinate_range(":5:6\n", "", "").size == 0);
  CHECK(find_subordinate_range("", "alice", "1000").size == 0);
}

TEST_CASE("no two containers have an id in common, and what is given back is taken again") {
  UserRanges ranges("");
  const IdRange first = ranges.take("a", "auto").uids;
  const IdRange second = ranges.take("b", "auto:size=100000").uids;
  const IdRange third = ranges.take("c", "auto").uids;
  CHECK(first.size == 65536);
  CHECK(second.size == 100000);
  CHECK(second.first >= first.first + first.size);
  CHECK(third.first >= second.first + second.size);
  CHECK(ranges.find("b").uids.first == second.first);
  ranges.give_back("b");
  ranges.give_back("b");
  CHECK_FALSE(ranges.find("b").mapped());
  CHECK(ranges.take("d", "auto").uids.first == second.first);
  // What is free between two is too small for this one.
  CHECK(ranges.take("e", "auto:size=100000").uids.first > third.first);
}

TEST_CASE("containers that share a user namespace keep its ids as long as one of them runs") {
  UserRanges ranges("");
  const IdRanges shared = ranges.take("donor", "auto");
  ranges.hold("guest", shared);
  ranges.give_back("donor");
  CHECK(ranges.take("other", "auto").uids.first != shared.uids.first);
  ranges.give_back("guest");
  CHECK(ranges.take("another", "auto").uids.first == shared.uids.first);
}

TEST_CASE("what a new daemon finds taken is not given to another container") {
  UserRanges ranges("auto");
  const uint32_t first = UserRanges("auto").take("x", "").uids.first;
  ranges.hold("found", {{first, 65536}, {first, 65536}});
  CHECK(ranges.take("new", "").uids.first == first + 65536);
}

TEST_CASE("there are thousands of ranges, and an error that says what to do when all are taken") {
  UserRanges ranges("auto");
  std::set<uint32_t> taken;
  size_t count = 0;
  const auto take_all = [&] {
    for (;; ++count)
      taken.insert(ranges.take(std::to_string(count), "auto:size=6553600").uids.first);
  };
  CHECK_THROWS_WITH(
      take_all(),
      "all ranges of ids for user namespaces are taken: stop containers, or use --userns=host");
  CHECK(count == 40);
  CHECK(taken.size() == count);
  CHECK_NOTHROW(ranges.take("small", "auto"));
}

TEST_CASE("without a setting only who asks has a range, and host means none") {
  CHECK_FALSE(UserRanges("").take("a", "").mapped());
  CHECK_FALSE(UserRanges("auto").take("a", "host").mapped());
  CHECK(UserRanges("").take("a", "auto").mapped());
  CHECK(UserRanges("auto").take("a", "").mapped());
}

TEST_CASE("a user or group that is not there is no setting of the daemon's") {
  CHECK_THROWS_WITH(UserRanges("no-such-user"),
                    "--userns-remap: there is no user 'no-such-user' on this host");
  CHECK_THROWS_WITH(UserRanges("root:no-such-group"),
                    "--userns-remap: there is no group 'no-such-group' on this host");
}

TEST_CASE("ids of a container and of the host are translated both ways") {
  const IdRange range{100000, 65536};
  CHECK(range.to_host(0) == 100000);
  CHECK(range.to_host(65535) == 165535);
  CHECK_THROWS_WITH(range.to_host(65536), "the id 65536 is not one of the container's 65536 ids");
  CHECK(range.to_container(100033) == 33);
  CHECK(range.to_container(0) == 65534);
  CHECK(range.to_container(165536) == 65534);
  CHECK(IdRange{}.to_host(5) == 5);
  CHECK(IdRange{}.to_container(5) == 5);
}

TEST_CASE(
    "what the host's user namespace alone can have is refused in a line that names --userns=host") {
  HostConfig plain;
  CHECK_NOTHROW(check_user_namespace(plain, true));
  for (auto set : {+[](HostConfig& host) { host.privileged = true; },
                   +[](HostConfig& host) { host.network_mode = "host"; },
                   +[](HostConfig& host) { host.pid_mode = "host"; }}) {
    HostConfig host;
    set(host);
    CHECK_NOTHROW(check_user_namespace(host, false));
    try {
      check_user_namespace(host, true);
      FAIL("not refused");
    } catch (const Error& error) {
      CHECK(std::string(error.what()).find("--userns=host") != std::string::npos);
    }
    host.userns_mode = "host";
    CHECK_NOTHROW(check_user_namespace(host, true));
  }
}
