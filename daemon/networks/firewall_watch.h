// Notices that somebody took our rules away (`nft flush ruleset`, a firewall that reloads): without
// them networks are not apart any more and no port leads anywhere, and nothing else would tell us.
// Owned by Engine. Runs in: ctrd, a thread of its own, which sleeps until the kernel reports a
// change of the firewall.
#pragma once

#include <functional>
#include <thread>

#include "runtime/sys/unique_fd.h"

namespace ctr::daemon {

class FirewallWatch {
 public:
  // `restore` is called on the watch's thread whenever something of a table of ours was deleted,
  // also by ourselves. It must not throw.
  explicit FirewallWatch(std::function<void()> restore);
  ~FirewallWatch();
  FirewallWatch(const FirewallWatch&) = delete;
  FirewallWatch& operator=(const FirewallWatch&) = delete;

 private:
  void run();
  bool wait(int timeout);
  bool read_changes();

  std::function<void()> restore_;
  sys::UniqueFd changes_;  // a netlink socket; empty where the kernel has no nftables
  sys::UniqueFd stop_;     // an eventfd
  std::thread thread_;
};

}  // namespace ctr::daemon
