#include "daemon/events.h"

#include <doctest/doctest.h>
#include <poll.h>

#include <nlohmann/json.hpp>

#include "runtime/sys/error.h"

using ctr::daemon::Event;
using ctr::daemon::event_json;
using ctr::daemon::event_matches;
using ctr::daemon::Events;
using ctr::daemon::Filters;

namespace {

Event started(std::string id, ctr::sys::Timestamp time = 0) {
  return {.type = "container",
          .action = "start",
          .id = std::move(id),
          .attributes = {{"image", "alpine:3.20"}, {"name", "web"}, {"tier", "front"}},
          .time = time};
}

bool readable(int fd) {
  pollfd item{fd, POLLIN, 0};
  return ::poll(&item, 1, 0) == 1;
}

}  // namespace

TEST_CASE("an event has the fields that old clients read") {
  auto wire = event_json(started("abc", 1'700'000'000'000'000'005));
  CHECK(wire["Type"] == "container");
  CHECK(wire["Actor"]["ID"] == "abc");
  CHECK(wire["Actor"]["Attributes"]["name"] == "web");
  CHECK(wire["status"] == "start");
  CHECK(wire["id"] == "abc");
  CHECK(wire["from"] == "alpine:3.20");
  CHECK(wire["time"] == 1'700'000'000);
  CHECK(wire["timeNano"] == 1'700'000'000'000'000'005);
  auto network = event_json({.type = "network", .action = "create", .id = "n"});
  CHECK_FALSE(network.contains("status"));
}

TEST_CASE("a subscriber gets what is published after it came, and its descriptor says when") {
  Events events;
  events.publish(started("early"));
  auto subscription = events.subscribe();
  CHECK_FALSE(readable(subscription.descriptor()));
  events.publish(started("late"));
  CHECK(readable(subscription.descriptor()));
  CHECK(subscription.take()->id == "late");
  CHECK_FALSE(subscription.take());
  CHECK_FALSE(readable(subscription.descriptor()));
}

TEST_CASE("the history answers since, and is bounded") {
  Events events;
  for (size_t i = 1; i <= Events::history_limit + 10; ++i)
    events.publish(started(std::to_string(i), static_cast<ctr::sys::Timestamp>(i)));
  auto all = events.subscribe(0);
  CHECK(all.take()->id == "11");
  auto some = events.subscribe(static_cast<ctr::sys::Timestamp>(Events::history_limit + 10));
  CHECK(some.take()->id == std::to_string(Events::history_limit + 10));
  CHECK_FALSE(some.take());
}

TEST_CASE("a subscriber that does not read is bounded and then ended (P14)") {
  Events events;
  auto slow = events.subscribe();
  for (size_t i = 0; i < Events::queue_limit + 100; ++i) events.publish(started("x"));
  CHECK(slow.ended());
  size_t taken = 0;
  while (slow.take()) ++taken;
  CHECK(taken == Events::queue_limit);
}

TEST_CASE("closing ends subscribers, the ones to come as well") {
  Events events;
  auto subscription = events.subscribe();
  events.close();
  CHECK(subscription.ended());
  CHECK(readable(subscription.descriptor()));
  CHECK(events.subscribe().ended());
}

TEST_CASE("a subscription that goes away is forgotten") {
  Events events;
  {
    auto subscription = events.subscribe();
    CHECK(events.subscribers() == 1);
  }
  CHECK(events.subscribers() == 0);
}

TEST_CASE("events are filtered as docker events does") {
  auto matches = [](const char* filters, const Event& event) {
    return event_matches(Filters::parse(filters), event);
  };
  Event event = started("abcdef");
  CHECK(matches("{}", event));
  CHECK(matches(R"({"type": ["container"], "event": ["start"]})", event));
  CHECK_FALSE(matches(R"({"type": ["image"]})", event));
  CHECK(matches(R"({"container": ["abc"]})", event));
  CHECK(matches(R"({"container": ["web"]})", event));
  CHECK_FALSE(matches(R"({"container": ["we"]})", event));
  CHECK(matches(R"({"image": ["alpine"]})", event));
  CHECK(matches(R"({"image": ["alpine:3.20"]})", event));
  CHECK_FALSE(matches(R"({"image": ["alpine:3.19"]})", event));
  CHECK(matches(R"({"label": ["tier=front"]})", event));
  CHECK_FALSE(matches(R"({"label": ["tier=back"]})", event));
  event.action = "health_status: healthy";
  CHECK(matches(R"({"event": ["health_status"]})", event));
  CHECK_THROWS_AS(ctr::daemon::expect_event_filters(Filters::parse(R"({"foo": ["x"]})")),
                  ctr::sys::Error);
}
