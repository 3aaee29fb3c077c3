#include "daemon/routes/events.h"

#include <poll.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "daemon/api/json.h"
#include "daemon/api/query_time.h"
#include "runtime/sys/error.h"

namespace ctr::daemon {

namespace {

std::optional<sys::Timestamp> time_of(const Exchange& exchange, std::string_view name) {
  return parse_query_time(name, exchange.query(name).value_or(""));
}

// Until `until`, in milliseconds for poll(2); a minute at most, because the clock may be set.
int patience(std::optional<sys::Timestamp> until) {
  constexpr int64_t minute = 60'000;
  if (!until) return -1;
  return static_cast<int>(std::clamp((*until - sys::now()) / 1'000'000 + 1, int64_t{0}, minute));
}

// False once the client is gone.
bool write_pending(Events::Subscription& subscription, ResponseStream& stream,
                   const Filters& filters, std::optional<sys::Timestamp> until) {
  while (std::optional<Event> event = subscription.take()) {
    if (until && event->time > *until) continue;
    if (!event_matches(filters, *event)) continue;
    if (!stream.write(dump_json(event_json(*event)) + "\n")) return false;
  }
  return true;
}

void stream_events(Exchange& exchange, Events& events) {
  Filters filters = Filters::parse(exchange.query("filters").value_or(""));
  expect_event_filters(filters);
  std::optional<sys::Timestamp> since = time_of(exchange, "since");
  std::optional<sys::Timestamp> until = time_of(exchange, "until");
  if (since && until && *since > *until)
    throw sys::Error(sys::ErrorKind::invalid_argument, "`since` time cannot be after `until` time");
  // Subscribed before the header goes out: whoever has seen it misses nothing.
  Events::Subscription subscription = events.subscribe(since);
  auto stream = exchange.respond_stream(200, "application/json");
  while (write_pending(subscription, *stream, filters, until)) {
    if (subscription.ended() || stream->client_gone()) return;
    if (until && sys::now() >= *until) return;
    pollfd items[2] = {{subscription.descriptor(), POLLIN, 0},
                       {stream->descriptor(), POLLRDHUP, 0}};
    sys::check(sys::retry_on_signal([&] { return ::poll(items, 2, patience(until)); }), "poll");
  }
}

}  // namespace

void add_event_routes(Router& router, Events& events) {
  router.add("GET", "/events", [&events](Exchange& exchange) { stream_events(exchange, events); });
}

}  // namespace ctr::daemon
