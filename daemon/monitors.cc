#include "daemon/monitors.h"

#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

#include <array>

#include "daemon/logging.h"

namespace ctr::daemon {

namespace {

constexpr uint64_t stop_key = 0;

void add_to_epoll(int epoll, int descriptor, uint64_t key) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = key;
  sys::check(::epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event), "epoll_ctl");
}

}  // namespace

Monitors::Monitors(Handlers handlers)
    : handlers_(std::move(handlers)),
      epoll_(sys::check(::epoll_create1(EPOLL_CLOEXEC), "epoll_create")),
      stop_(sys::check(::eventfd(0, EFD_CLOEXEC), "eventfd")) {
  add_to_epoll(epoll_.get(), stop_.get(), stop_key);
  thread_ = std::thread([this] { run(); });
  ::pthread_setname_np(thread_.native_handle(), "monitors");
}

Monitors::~Monitors() {
  ::eventfd_write(stop_.get(), 1);
  thread_.join();
}

void Monitors::add(int descriptor, Watched watched) {
  std::lock_guard lock(mutex_);
  uint64_t key = next_key_++;
  watched_[key] = std::make_shared<Watched>(std::move(watched));
  try {
    add_to_epoll(epoll_.get(), descriptor, key);
  } catch (...) {
    watched_.erase(key);
    throw;
  }
}

void Monitors::watch(const std::string& container_id, std::shared_ptr<MonitorClient> client) {
  for (const MonitorEvent& event : client->take_pending()) handlers_.event(container_id, event);
  int descriptor = client->descriptor();
  add(descriptor, {.container_id = container_id, .client = std::move(client), .process = {}});
}

void Monitors::adopt(sys::Process monitor) {
  int descriptor = monitor.pidfd();
  add(descriptor, {.container_id = {}, .client = nullptr, .process = std::move(monitor)});
}

void Monitors::run() {
  std::array<epoll_event, 64> events;
  while (true) {
    int count = ::epoll_wait(epoll_.get(), events.data(), events.size(), -1);
    for (int i = 0; i < count; ++i) {
      if (events[i].data.u64 == stop_key) return;
      try {
        serve(events[i].data.u64);
      } catch (const std::exception& error) {
        // One monitor's trouble must not stop us from listening to the others.
        log_error("monitor could not be served", {{"error", error.what()}});
      }
    }
  }
}

void Monitors::serve(uint64_t key) {
  std::shared_ptr<Watched> watched;
  {
    std::lock_guard lock(mutex_);
    auto found = watched_.find(key);
    if (found == watched_.end()) return;
    watched = found->second;
  }
  if (watched->client) return read_client(key, *watched);
  watched->process.try_wait();
  std::lock_guard lock(mutex_);
  watched_.erase(key);  // closing the pidfd takes it out of the epoll set
}

// One that cannot be handled must not keep the others from being so.
void Monitors::handle_event(const std::string& container_id, const MonitorEvent& event) {
  try {
    handlers_.event(container_id, event);
  } catch (const std::exception& error) {
    log_error("what a monitor told could not be handled", {{"container", container_id}, {"error", error.what()}});
  }
}

void Monitors::read_client(uint64_t key, const Watched& watched) {
  bool more = false;
  try {
    more = watched.client->read([&](const MonitorEvent& event) { handle_event(watched.container_id, event); });
  } catch (const sys::Error& error) {
    log_error("monitor speaks another language",
              {{"container", watched.container_id}, {"error", error.what()}});
  }
  if (more) return;
  watched.client->fail_requests();
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, watched.client->descriptor(), nullptr);
  {
    std::lock_guard lock(mutex_);
    watched_.erase(key);
  }
  handlers_.gone(watched.container_id, watched.client.get());
}

}  // namespace ctr::daemon
