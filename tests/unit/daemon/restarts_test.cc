#include "daemon/restarts.h"

#include <doctest/doctest.h>

#include <atomic>

using namespace ctr::daemon;

TEST_CASE("policies restart what ended by itself") {
  CHECK_FALSE(wants_restart({"no", 0}, 1, 0, false));
  CHECK(wants_restart({"always", 0}, 0, 100, false));
  CHECK(wants_restart({"unless-stopped", 0}, 0, 0, false));
  CHECK_FALSE(wants_restart({"always", 0}, 0, 0, true));
  CHECK_FALSE(wants_restart({"on-failure", 0}, 0, 0, false));
  CHECK(wants_restart({"on-failure", 0}, 1, 1000, false));
  CHECK(wants_restart({"on-failure", 2}, 1, 1, false));
  CHECK_FALSE(wants_restart({"on-failure", 2}, 1, 2, false));
}

TEST_CASE("with the daemon start those that always run, and those that nobody stopped") {
  CHECK(wants_start_with_daemon({"always", 0}, 0, true));
  CHECK_FALSE(wants_start_with_daemon({"unless-stopped", 0}, 0, true));
  CHECK(wants_start_with_daemon({"unless-stopped", 0}, 0, false));
  CHECK_FALSE(wants_start_with_daemon({"no", 0}, 1, false));
  CHECK(wants_start_with_daemon({"on-failure", 0}, 1, false));
}

TEST_CASE("restarts come slower and slower, until one lasted") {
  constexpr int64_t millisecond = 1'000'000;
  int64_t delay = next_restart_delay(0, 0);
  CHECK(delay == 100 * millisecond);
  CHECK(next_restart_delay(delay, 0) == 200 * millisecond);
  CHECK(next_restart_delay(40'000 * millisecond, 0) == 60'000 * millisecond);
  CHECK(next_restart_delay(40'000 * millisecond, 10'000 * millisecond) == 100 * millisecond);
}

TEST_CASE("what is due is started in the order of its time") {
  std::mutex mutex;
  std::condition_variable changed;
  std::string order;
  Restarts restarts([&](const std::string& id) {
    std::lock_guard lock(mutex);
    order += id;
    changed.notify_all();
  });
  restarts.schedule("b", 20'000'000);
  restarts.schedule("a", 0);
  std::unique_lock lock(mutex);
  CHECK(changed.wait_for(lock, std::chrono::seconds(5), [&] { return order.size() == 2; }));
  CHECK(order == "ab");
}
