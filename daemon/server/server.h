// The API's front door: listens, gives each connection a thread of its own, turns clients away when
// there are too many, and ends them all when the daemon stops. Runs in: ctrd.
#pragma once

#include <condition_variable>
#include <functional>
#include <list>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "daemon/server/exchange.h"
#include "daemon/server/http.h"
#include "runtime/sys/unique_fd.h"

namespace ctr::daemon {

struct ServerOptions {
  size_t connection_limit = 1024;  // threads; beyond it the longest idle one goes, else 503
  HttpLimits http{};
  std::vector<std::pair<std::string, std::string>> headers{};  // on every answer
  // See HttpContext::on_answer.
  std::function<void(const std::string& request, int status, const std::string& error)> on_answer{};
  // Called once whenever nobody has come, and no request has been under way, for some seconds.
  std::function<void()> on_quiet{};
};

class Server {
 public:
  Server(const Router& router, ServerOptions options);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  void add_listener(sys::UniqueFd listener);
  // Accepts until stop(), on the calling thread.
  void run();
  // From any thread: no new connections; idle ones are closed, streams see client_gone() and end.
  void stop();
  // Waits until every route has returned. False if some did not within the time: then their threads
  // still use what the routes refer to, and the process must end without destroying it.
  bool wait_until_idle(std::chrono::milliseconds time);

  size_t connections() const;

 private:
  struct Client {
    int descriptor = -1;  // -1: hijacked or closed
    bool idle = true;
    Connection::Clock::time_point idle_since{};
  };
  using Clients = std::list<Client>;

  void accept_from(int listener);
  bool is_quiet() const;
  bool make_room(std::unique_lock<std::mutex>& lock);
  void start_thread(sys::UniqueFd socket);
  void serve(Clients::iterator client, sys::UniqueFd socket);

  const Router& router_;
  ServerOptions options_;
  std::vector<sys::UniqueFd> listeners_;
  sys::UniqueFd wake_;  // eventfd: stop() was called
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  Clients clients_;
  bool stopping_ = false;
};

}  // namespace ctr::daemon
