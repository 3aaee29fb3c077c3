// What happened to containers, images, networks and volumes: GET /events. Whoever changes something
// publishes; a bounded history answers `since`. Thread-safe. Runs in: ctrd.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "daemon/api/filters.h"
#include "runtime/sys/timestamp.h"
#include "runtime/sys/unique_fd.h"

namespace ctr::daemon {

struct Event {
  std::string type;    // "container", "image", "network", "volume", "daemon", "builder"
  std::string action;  // "start", "die", "pull", "exec_create: ls" …
  std::string id;      // of the object: 64 hex digits, or an image's or volume's name
  // "name", for containers also "image", and the object's labels.
  std::map<std::string, std::string> attributes{};
  sys::Timestamp time = 0;  // 0: publish() stamps it
};

// The wire form, with the fields "status", "id" and "from" that clients below API 1.52 read.
nlohmann::json event_json(const Event& event);

// `docker events --filter`: type, event, container, image, network, volume, label, scope, daemon.
bool event_matches(const Filters& filters, const Event& event);
// Throws Error{invalid_argument} for filters that events do not have.
void expect_event_filters(const Filters& filters);

class Events {
  struct Queue;

 public:
  // A subscriber that does not keep up loses its subscription, never an event in the middle.
  static constexpr size_t history_limit = 1024;
  static constexpr size_t queue_limit = 4096;

  class Subscription {
   public:
    ~Subscription();
    Subscription(Subscription&&) noexcept = default;
    Subscription& operator=(Subscription&&) = delete;

    // The next event if there is one. Does not block: poll descriptor() for POLLIN.
    std::optional<Event> take();
    // No event will come any more (close(), or this subscriber was too slow); those that came
    // before are still there to take.
    bool ended() const;
    int descriptor() const;

   private:
    friend class Events;
    Subscription(Events& events, std::shared_ptr<Queue> queue);
    Events* events_;
    std::shared_ptr<Queue> queue_;
  };

  Events();
  ~Events();
  Events(const Events&) = delete;
  Events& operator=(const Events&) = delete;

  void publish(Event event);

  // From now on; with `since` also what the history has from that time on, in one step: no event is
  // lost or doubled in between.
  Subscription subscribe(std::optional<sys::Timestamp> since = std::nullopt);

  size_t subscribers() const;  // for GET /info
  // Ends all subscriptions, and later ones at once: the daemon stops.
  void close();

 private:
  struct Queue {
    Queue();
    mutable std::mutex mutex;
    std::deque<Event> events;
    bool ended = false;
    sys::UniqueFd ready;  // eventfd: readable while there is an event or the end
    void push(const Event& event);
    void end();
  };

  mutable std::mutex mutex_;
  std::deque<Event> history_;
  std::vector<std::shared_ptr<Queue>> queues_;
  bool closed_ = false;
};

}  // namespace ctr::daemon
