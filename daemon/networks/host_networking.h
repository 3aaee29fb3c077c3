// Networks as they are on the host: the bridge, its firewall table, its ports.
// Owned by ctrd's main, which outlives nothing that uses it. Thread-safe for what Networks does
// with it (changes come one at a time).
#pragma once

#include <atomic>
#include <functional>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "daemon/networks/networks.h"
#include "daemon/networks/port_sockets.h"

namespace ctr::daemon {

class HostNetworking : public Networks::Host {
 public:
  using Warn = std::function<void(const std::string&)>;

  // `firewall` is dockerd's --iptables: false leaves every rule to the administrator.
  // What the administrator leaves to us.
  struct Duties {
    bool firewall = true;
    bool forwarding = true;
  };
  HostNetworking(Warn warn, Duties duties);
  // Waits for what is still being deleted in the background.
  ~HostNetworking() override;

  bool is_ready(const Network& network) override;
  void ensure(const Network& network, const std::vector<PortRule>& ports) override;
  std::vector<PublishedPort> publish(const Network& network, const EndpointSettings& endpoint,
                                     const std::vector<PortRequest>& ports) override;
  std::vector<PublishedPort> move_ports(const Network& network, const EndpointSettings& endpoint,
                                        const Network& to_network,
                                        const EndpointSettings& to) override;
  void hold_ports(const EndpointSettings& endpoint) override;
  void unpublish(const Network& network, const EndpointSettings& endpoint) override;
  void expect_unpublish(const std::string& container_id) override;
  void remove(const Network& network) override;
  void remove_ports_except(const Network& network, std::set<std::string> keep) override;
  std::vector<Subnet> used_subnets() override;
  std::string address_of(const std::string& bridge) override;

 private:
  std::vector<PublishedPort> hold_for(const Network& network, const std::string& container_id,
                                      const std::vector<PortRequest>& ports);
  void ensure_firewall(const Network& network, const std::vector<PortRule>& ports);
  void warn_once(const std::string& text);

  Warn warn_;
  PortSockets sockets_;
  const bool forwarding_;
  std::atomic<bool> firewall_;  // false, too, once it turned out that there is none
  std::mutex mutex_;            // of what follows
  std::set<std::string> warned_;
  std::vector<std::thread> deletions_;
};

}  // namespace ctr::daemon
