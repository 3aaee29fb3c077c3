// The host's side of published ports: a bound socket for each, so that no process of the host takes
// a port that the firewall sends to a container, and one that is taken is an error instead of a
// service that vanished. Nothing ever arrives at them. Owned by HostNetworking; runs in: ctrd, in
// the network namespace that it was started in. Thread-safe.
#pragma once

#include <condition_variable>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "daemon/networks/ports.h"
#include "runtime/sys/unique_fd.h"

namespace ctr::daemon {

class PortSockets {
 public:
  // All of them or none; one that the owner has already is the same. Throws Error{internal} "Bind
  // for 0.0.0.0:80 failed: port is already allocated" (Docker's words and code).
  std::vector<PublishedPort> hold(const std::string& owner,
                                  const std::vector<PortRequest>& requests);
  // After a restart of the daemon; false for one that somebody took meanwhile.
  bool hold_again(const std::string& owner, const PublishedPort& port);
  void release(const std::string& owner);
  // Only what the owner has beside these.
  void release_except(const std::string& owner, const std::vector<PublishedPort>& kept);
  // The owner has ended and will release soon: who wants its ports waits for that. Does not block.
  void expect_release(const std::string& owner);

 private:
  struct Held {
    std::string owner;
    PublishedPort port;
    sys::UniqueFd socket;
  };
  Held open(std::unique_lock<std::mutex>& lock, const std::string& owner,
            const PortRequest& request);
  const PublishedPort* find_held(const std::string& owner, const PortRequest& request) const;
  bool is_about_to_be_free(const PublishedPort& port) const;

  std::mutex mutex_;
  std::condition_variable released_;
  std::vector<Held> held_;
  std::set<std::string> ending_;
};

}  // namespace ctr::daemon
