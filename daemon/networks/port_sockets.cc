#include "daemon/networks/port_sockets.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <optional>

#include "runtime/network/addresses.h"
#include "runtime/sys/error.h"

namespace ctr::daemon {

using sys::Error;
using sys::ErrorKind;

namespace {

// Cleaning up behind a container that ended deletes links and cgroups first.
constexpr std::chrono::seconds release_patience{10};

int socket_of(const PublishedPort& port) {
  const int family = is_ipv6(port) ? AF_INET6 : AF_INET;
  if (port.protocol == "udp") return ::socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (port.protocol == "tcp") return ::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  return ::socket(family, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_SCTP);
}

// An address of either family, and its length.
struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t length = 0;
  sockaddr* generic() { return reinterpret_cast<sockaddr*>(&storage); }
  sockaddr_in& ipv4() { return reinterpret_cast<sockaddr_in&>(storage); }
  sockaddr_in6& ipv6() { return reinterpret_cast<sockaddr_in6&>(storage); }
};

SocketAddress address_of(const PublishedPort& port) {
  SocketAddress address;
  if (is_ipv6(port)) {
    address.ipv6().sin6_family = AF_INET6;
    address.ipv6().sin6_port = htons(port.host_port);
    const runtime::Ipv6Address bytes = runtime::parse_ipv6(port.host_ip).value();
    std::memcpy(&address.ipv6().sin6_addr, bytes.data(), bytes.size());
    address.length = sizeof(sockaddr_in6);
  } else {
    address.ipv4().sin_family = AF_INET;
    address.ipv4().sin_port = htons(port.host_port);
    address.ipv4().sin_addr.s_addr = htonl(runtime::parse_ipv4(port.host_ip).value());
    address.length = sizeof(sockaddr_in);
  }
  return address;
}

// Bound, TCP listening as well: with SO_REUSEADDR (else the last connections of a port's former
// owner would keep us from it for a minute) a bound socket alone keeps nobody out.
void bind_port(int socket, PublishedPort& port) {
  int on = 1;
  if (port.protocol != "udp")
    sys::check(::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on), "setsockopt");
  if (is_ipv6(port))
    sys::check(::setsockopt(socket, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on), "setsockopt");
  SocketAddress address = address_of(port);
  sys::check(::bind(socket, address.generic(), address.length), "bind");
  if (port.protocol != "udp") sys::check(::listen(socket, 0), "listen");
  sys::check(::getsockname(socket, address.generic(), &address.length), "getsockname");
  // At the same place in both families.
  port.host_port = ntohs(address.ipv4().sin_port);
}

// nullopt: taken. An empty descriptor: the kernel has no such protocol, then nobody else can take
// the port either.
std::optional<sys::UniqueFd> find_socket(PublishedPort& port) {
  sys::UniqueFd socket(socket_of(port));
  if (!socket && errno == EPROTONOSUPPORT && port.host_port != 0) return sys::UniqueFd();
  sys::check(socket.get(), "socket", port.protocol);
  try {
    bind_port(socket.get(), port);
  } catch (const Error& error) {
    if (error.error_number() == EADDRINUSE) return std::nullopt;
    throw Error(ErrorKind::internal,
                fmt::format("failed to bind host port {}:{}/{}: {}", port.host_ip, port.host_port,
                            port.protocol, std::string(::strerrordesc_np(error.error_number()))));
  }
  return socket;
}

}  // namespace

namespace {

bool is_same(const PublishedPort& a, const PublishedPort& b) {
  return a.host_port == b.host_port && a.protocol == b.protocol && a.host_ip == b.host_ip &&
         a.container_port == b.container_port;
}

}  // namespace

const PublishedPort* PortSockets::find_held(const std::string& owner,
                                            const PortRequest& request) const {
  const PublishedPort wanted{.protocol = request.protocol,
                             .host_ip = request.host_ip,
                             .host_port = request.first,
                             .container_port = request.container_port};
  for (const Held& held : held_)
    if (request.first == request.last && held.owner == owner && is_same(held.port, wanted))
      return &held.port;
  return nullptr;
}

bool PortSockets::is_about_to_be_free(const PublishedPort& port) const {
  for (const Held& held : held_)
    if (held.port.host_port == port.host_port && held.port.protocol == port.protocol &&
        ending_.contains(held.owner))
      return true;
  return false;
}

PortSockets::Held PortSockets::open(std::unique_lock<std::mutex>& lock, const std::string& owner,
                                    const PortRequest& request) {
  auto deadline = std::chrono::steady_clock::now() + release_patience;
  for (bool in_time = true;;) {
    bool wait = false;
    for (uint32_t number = request.first; number <= request.last; ++number) {
      PublishedPort port{.protocol = request.protocol,
                         .host_ip = request.host_ip,
                         .host_port = static_cast<uint16_t>(number),
                         .container_port = request.container_port};
      if (auto socket = find_socket(port)) return {owner, std::move(port), std::move(*socket)};
      wait = wait || is_about_to_be_free(port);
    }
    if (!wait || !in_time)
      throw Error(ErrorKind::internal,
                  fmt::format("Bind for {}:{} failed: port is already allocated", request.host_ip,
                              request.first));
    in_time = released_.wait_until(lock, deadline) == std::cv_status::no_timeout;
  }
}

std::vector<PublishedPort> PortSockets::hold(const std::string& owner,
                                             const std::vector<PortRequest>& requests) {
  std::unique_lock lock(mutex_);
  ending_.erase(owner);
  std::vector<Held> opened;
  std::vector<PublishedPort> ports;
  for (const PortRequest& request : requests) {
    if (const PublishedPort* port = find_held(owner, request)) {
      ports.push_back(*port);
      continue;
    }
    opened.push_back(open(lock, owner, request));
    ports.push_back(opened.back().port);
  }
  for (Held& held : opened) held_.push_back(std::move(held));
  return ports;
}

bool PortSockets::hold_again(const std::string& owner, const PublishedPort& port) {
  std::lock_guard lock(mutex_);
  for (const Held& held : held_)
    if (held.owner == owner && is_same(held.port, port)) return true;
  PublishedPort again = port;
  auto socket = find_socket(again);
  if (!socket) return false;
  held_.push_back({owner, port, std::move(*socket)});
  return true;
}

void PortSockets::release(const std::string& owner) {
  std::lock_guard lock(mutex_);
  std::erase_if(held_, [&](const Held& held) { return held.owner == owner; });
  ending_.erase(owner);
  released_.notify_all();
}

void PortSockets::release_except(const std::string& owner, const std::vector<PublishedPort>& kept) {
  std::lock_guard lock(mutex_);
  std::erase_if(held_, [&](const Held& held) {
    return held.owner == owner && std::none_of(kept.begin(), kept.end(), [&](const auto& port) {
             return is_same(held.port, port);
           });
  });
  released_.notify_all();
}

void PortSockets::expect_release(const std::string& owner) {
  std::lock_guard lock(mutex_);
  for (const Held& held : held_)
    if (held.owner == owner) ending_.insert(owner);
}

}  // namespace ctr::daemon
