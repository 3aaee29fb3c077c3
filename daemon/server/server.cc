#include "daemon/server/server.h"

#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <algorithm>
#include <memory>
#include <thread>

#include "daemon/server/answer_head.h"
#include "runtime/sys/error.h"
#include "runtime/sys/socket.h"

namespace ctr::daemon {

namespace {

// A thousand connections must not cost eight gigabytes of address space. Nothing on a connection's
// thread recurses deeply: JSON is bounded, buffers live on the heap.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr size_t stack_size = 4 << 20;
#else
constexpr size_t stack_size = 256 << 10;
#endif

// An idle connection may be about to be used: it gets that long before another one takes its place.
constexpr std::chrono::milliseconds idle_grace{200};
constexpr std::chrono::milliseconds room_patience{500};

void turn_away(int socket) {
  char sink[4096];
  while (::recv(socket, sink, sizeof sink, MSG_DONTWAIT) > 0) {
  }
  std::string answer = refusal(503, "the daemon has too many connections: try again later");
  (void)::send(socket, answer.data(), answer.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
}

class ThreadAttributes {
 public:
  ThreadAttributes() {
    ::pthread_attr_init(&attributes_);
    ::pthread_attr_setstacksize(&attributes_, stack_size);
    ::pthread_attr_setdetachstate(&attributes_, PTHREAD_CREATE_DETACHED);
  }
  ~ThreadAttributes() { ::pthread_attr_destroy(&attributes_); }
  const pthread_attr_t* get() const { return &attributes_; }

 private:
  pthread_attr_t attributes_;
};

void* thread_main(void* argument) {
  std::unique_ptr<std::function<void()>> body(static_cast<std::function<void()>*>(argument));
  (*body)();
  return nullptr;
}

constexpr int quiet_time = 5'000;  // milliseconds

}  // namespace

Server::Server(const Router& router, ServerOptions options)
    : router_(router),
      options_(std::move(options)),
      wake_(sys::check(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), "eventfd")) {}

Server::~Server() = default;

void Server::add_listener(sys::UniqueFd listener) {
  sys::set_nonblocking(listener.get(), true);
  listeners_.push_back(std::move(listener));
}

void Server::run() {
  std::vector<pollfd> items{{wake_.get(), POLLIN, 0}};
  for (const sys::UniqueFd& listener : listeners_) items.push_back({listener.get(), POLLIN, 0});
  bool was_told = false;  // of the quiet
  while (true) {
    const int timeout = was_told ? -1 : quiet_time;
    const int ready = sys::check(
        sys::retry_on_signal([&] { return ::poll(items.data(), items.size(), timeout); }), "poll");
    if (items[0].revents != 0) return;
    was_told = ready == 0 && (was_told || is_quiet());
    if (was_told && options_.on_quiet) options_.on_quiet();
    for (size_t i = 1; i < items.size(); ++i)
      if (items[i].revents != 0) accept_from(items[i].fd);
  }
}

bool Server::is_quiet() const {
  std::lock_guard lock(mutex_);
  return std::all_of(clients_.begin(), clients_.end(),
                     [](const Client& client) { return client.idle; });
}

void Server::accept_from(int listener) {
  sys::UniqueFd socket(::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC));
  const int failure = errno;
  std::unique_lock lock(mutex_);
  if (stopping_) return;
  if (socket) {
    if (!make_room(lock)) return turn_away(socket.get());
    lock.unlock();
    return start_thread(std::move(socket));
  }
  if (failure != EMFILE && failure != ENFILE && failure != ENOMEM && failure != ENOBUFS) return;
  // The client waits in the backlog until a descriptor is free (L39): do not spin meanwhile.
  lock.unlock();
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
}

bool Server::make_room(std::unique_lock<std::mutex>& lock) {
  if (clients_.size() < options_.connection_limit) return true;
  auto oldest = clients_.end();
  for (auto client = clients_.begin(); client != clients_.end(); ++client)
    if (client->idle && client->descriptor >= 0 &&
        (oldest == clients_.end() || client->idle_since < oldest->idle_since))
      oldest = client;
  if (oldest == clients_.end()) return false;
  if (Connection::Clock::now() - oldest->idle_since < idle_grace) return false;
  ::shutdown(oldest->descriptor, SHUT_RDWR);
  return changed_.wait_for(lock, room_patience,
                           [&] { return clients_.size() < options_.connection_limit; });
}

void Server::start_thread(sys::UniqueFd socket) {
  static const ThreadAttributes attributes;
  Clients::iterator client;
  {
    std::lock_guard lock(mutex_);
    client = clients_.insert(clients_.end(), Client{socket.get(), true, Connection::Clock::now()});
  }
  auto shared = std::make_shared<sys::UniqueFd>(std::move(socket));
  auto body = std::make_unique<std::function<void()>>(
      [this, client, shared] { serve(client, std::move(*shared)); });
  pthread_t thread;
  if (::pthread_create(&thread, attributes.get(), &thread_main, body.get()) == 0) {
    (void)body.release();
    return;
  }
  turn_away(shared->get());
  std::lock_guard lock(mutex_);
  clients_.erase(client);
}

void Server::serve(Clients::iterator client, sys::UniqueFd socket) {
  Connection connection(std::move(socket));
  HttpContext context{router_, options_.http, options_.headers, {}, options_.on_answer, {}};
  context.on_idle = [&](bool idle) {
    std::lock_guard lock(mutex_);
    client->idle = idle;
    client->idle_since = Connection::Clock::now();
    return !stopping_;
  };
  context.on_hijack = [&] {
    std::lock_guard lock(mutex_);
    client->descriptor = -1;
  };
  serve_connection(connection, context);
  // Forgotten before it is closed: nobody shuts down a descriptor that is somebody else's by then.
  std::lock_guard lock(mutex_);
  clients_.erase(client);
  connection.release().reset();
  changed_.notify_all();
}

void Server::stop() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
    // Reading ends, writing does not: streams notice and write their proper end.
    for (const Client& client : clients_)
      if (client.descriptor >= 0) ::shutdown(client.descriptor, SHUT_RD);
  }
  ::eventfd_write(wake_.get(), 1);
}

bool Server::wait_until_idle(std::chrono::milliseconds time) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, time, [&] { return clients_.empty(); });
}

size_t Server::connections() const {
  std::lock_guard lock(mutex_);
  return clients_.size();
}

}  // namespace ctr::daemon
