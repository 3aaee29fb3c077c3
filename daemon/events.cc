#include "daemon/events.h"

#include <sys/eventfd.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "runtime/sys/error.h"

namespace ctr::daemon {

using nlohmann::json;

namespace {

std::string attribute(const Event& event, const std::string& name) {
  auto found = event.attributes.find(name);
  return found == event.attributes.end() ? "" : found->second;
}

std::string without_tag(const std::string& image) {
  size_t slash = image.find_last_of('/');
  size_t colon = image.find(':', slash == std::string::npos ? 0 : slash);
  return image.substr(0, colon);
}

bool any_value(const Filters& filters, std::string_view name, auto matches) {
  const std::vector<std::string>& values = filters.values(name);
  return values.empty() || std::any_of(values.begin(), values.end(), matches);
}

// By id, id prefix or name: what a user types for an object.
bool matches_object(const Filters& filters, const std::string& type, const Event& event) {
  if (!filters.has(type)) return true;
  std::string id = event.type == type ? event.id : attribute(event, type);
  std::string name = event.type == type ? attribute(event, "name") : "";
  return any_value(filters, type, [&](const std::string& wanted) {
    return !id.empty() && (id.starts_with(wanted) || (!name.empty() && name == wanted));
  });
}

bool matches_image(const Filters& filters, const Event& event) {
  if (!filters.has("image")) return true;
  if (event.type != "image" && event.type != "container") return false;
  std::string name = attribute(event, event.type == "image" ? "name" : "image");
  std::string id = event.type == "image" ? event.id : "";
  return any_value(filters, "image", [&](const std::string& wanted) {
    return wanted == id || wanted == name || wanted == without_tag(name) ||
           wanted == without_tag(id);
  });
}

// "health_status" stands for "health_status: healthy", "exec_create" for "exec_create: ls".
bool matches_action(const Filters& filters, const Event& event) {
  return any_value(filters, "event", [&](const std::string& wanted) {
    return event.action == wanted || event.action.starts_with(wanted + ":");
  });
}

}  // namespace

json event_json(const Event& event) {
  json wire{{"Type", event.type},
            {"Action", event.action},
            {"Actor", {{"ID", event.id}, {"Attributes", event.attributes}}},
            {"scope", "local"},
            {"time", event.time / 1'000'000'000},
            {"timeNano", event.time}};
  if (event.type == "container" || event.type == "image") {
    wire["status"] = event.action;
    wire["id"] = event.id;
  }
  if (event.type == "container") wire["from"] = attribute(event, "image");
  return wire;
}

bool event_matches(const Filters& filters, const Event& event) {
  return filters.matches_exactly("type", event.type) && matches_action(filters, event) &&
         filters.matches_exactly("scope", "local") && matches_object(filters, "container", event) &&
         matches_object(filters, "network", event) && matches_object(filters, "volume", event) &&
         matches_object(filters, "daemon", event) && matches_image(filters, event) &&
         filters.matches_labels("label", event.attributes);
}

void expect_event_filters(const Filters& filters) {
  filters.expect_only({"type", "event", "container", "image", "network", "volume", "label", "scope",
                       "daemon", "plugin", "service", "node", "secret", "config"});
}

Events::Queue::Queue() : ready(sys::check(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), "eventfd")) {}

void Events::Queue::push(const Event& event) {
  std::lock_guard lock(mutex);
  if (ended) return;
  if (events.size() >= queue_limit)
    ended = true;  // what is queued is still delivered, then the stream ends and says so by ending
  else
    events.push_back(event);
  ::eventfd_write(ready.get(), 1);
}

void Events::Queue::end() {
  std::lock_guard lock(mutex);
  ended = true;
  ::eventfd_write(ready.get(), 1);
}

Events::Subscription::Subscription(Events& events, std::shared_ptr<Queue> queue)
    : events_(&events), queue_(std::move(queue)) {}

Events::Subscription::~Subscription() {
  if (!queue_) return;
  std::lock_guard lock(events_->mutex_);
  std::erase(events_->queues_, queue_);
}

std::optional<Event> Events::Subscription::take() {
  std::lock_guard lock(queue_->mutex);
  if (queue_->events.empty()) return std::nullopt;
  Event event = std::move(queue_->events.front());
  queue_->events.pop_front();
  if (queue_->events.empty() && !queue_->ended) {
    eventfd_t count = 0;
    ::eventfd_read(queue_->ready.get(), &count);
  }
  return event;
}

bool Events::Subscription::ended() const {
  std::lock_guard lock(queue_->mutex);
  return queue_->ended;
}

int Events::Subscription::descriptor() const {
  return queue_->ready.get();
}

Events::Events() = default;
Events::~Events() = default;

void Events::publish(Event event) {
  std::lock_guard lock(mutex_);
  if (event.time == 0) event.time = sys::now();
  history_.push_back(event);
  if (history_.size() > history_limit) history_.pop_front();
  for (const std::shared_ptr<Queue>& queue : queues_) queue->push(event);
}

Events::Subscription Events::subscribe(std::optional<sys::Timestamp> since) {
  auto queue = std::make_shared<Queue>();
  std::lock_guard lock(mutex_);
  if (since)
    for (const Event& event : history_)
      if (event.time >= *since) queue->push(event);
  if (closed_) queue->end();
  queues_.push_back(queue);
  return Subscription(*this, std::move(queue));
}

size_t Events::subscribers() const {
  std::lock_guard lock(mutex_);
  return queues_.size();
}

void Events::close() {
  std::lock_guard lock(mutex_);
  closed_ = true;
  for (const std::shared_ptr<Queue>& queue : queues_) queue->end();
}

}  // namespace ctr::daemon
