// The one thread that listens to all monitors: it turns their messages, and their silence, into
// calls of its owner, and reaps those that are our children. Owned by Containers. Runs in: ctrd.
// Thread-safe.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "daemon/monitor_client.h"

namespace ctr::daemon {

class Monitors {
 public:
  // Called on the watcher's thread, one at a time; they must not block.
  struct Handlers {
    std::function<void(const std::string& container_id, const MonitorEvent&)> event;
    // The connection ended. Always the last call for this client.
    std::function<void(const std::string& container_id, const MonitorClient*)> gone;
  };

  explicit Monitors(Handlers handlers);
  ~Monitors();
  Monitors(const Monitors&) = delete;
  Monitors& operator=(const Monitors&) = delete;

  // Events that the client has read already are delivered before this returns, on this thread.
  void watch(const std::string& container_id, std::shared_ptr<MonitorClient> client);
  // Reaps the monitor when it ends.
  void adopt(sys::Process monitor);

 private:
  struct Watched {
    std::string container_id;
    std::shared_ptr<MonitorClient> client;  // null: `process` is watched
    sys::Process process;
  };

  void add(int descriptor, Watched watched);
  void run();
  void serve(uint64_t key);
  void handle_event(const std::string& container_id, const MonitorEvent& event);
  void read_client(uint64_t key, const Watched& watched);

  Handlers handlers_;
  sys::UniqueFd epoll_;
  sys::UniqueFd stop_;
  std::mutex mutex_;
  std::map<uint64_t, std::shared_ptr<Watched>> watched_;
  uint64_t next_key_ = 1;
  std::thread thread_;
};

}  // namespace ctr::daemon
