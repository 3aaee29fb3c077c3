#include "runtime/monitor/name_sockets.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/socket.h>

#include <cstdlib>

#include "runtime/network/port_redirection.h"
#include "runtime/sys/error.h"
#include "runtime/sys/file.h"

namespace ctr::runtime {

namespace {

constexpr uint32_t name_server_address = 0x7f00000b;  // 127.0.0.11
constexpr uint16_t name_server_port = 53;
constexpr int backlog = 16;

class InNetwork {
 public:
  explicit InNetwork(int network) : own_(sys::open_at(AT_FDCWD, "/proc/self/ns/net", O_RDONLY)) {
    sys::check(::setns(network, CLONE_NEWNET), "setns into the network namespace");
  }
  ~InNetwork() {
    // Staying in there would be worse than anything.
    if (::setns(own_.get(), CLONE_NEWNET) < 0) std::abort();
  }
  InNetwork(const InNetwork&) = delete;
  InNetwork& operator=(const InNetwork&) = delete;

 private:
  sys::UniqueFd own_;
};

// Port 0 is any that is free.
sys::UniqueFd bind_socket(int type, uint16_t port) {
  sys::UniqueFd socket(sys::check(::socket(AF_INET, type | SOCK_CLOEXEC, 0), "socket"));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(name_server_address);
  sys::check(::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address),
             fmt::format("bind 127.0.0.11:{}", port));
  return socket;
}

uint16_t port_of(const sys::UniqueFd& socket) {
  sockaddr_in address{};
  socklen_t length = sizeof address;
  sys::check(::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &length),
             "getsockname");
  return ntohs(address.sin_port);
}

NameSockets bind_sockets(uint16_t port) {
  NameSockets sockets{bind_socket(SOCK_DGRAM, port), bind_socket(SOCK_STREAM, port)};
  sys::check(::listen(sockets.tcp.get(), backlog), "listen");
  return sockets;
}

}  // namespace

NameSockets open_name_sockets(int network) {
  InNetwork inside(network);
  NameSockets sockets = bind_sockets(0);
  try {
    redirect_port({.address = name_server_address,
                   .port = name_server_port,
                   .udp_port = port_of(sockets.udp),
                   .tcp_port = port_of(sockets.tcp)});
  } catch (const sys::Error&) {
    // A kernel without nftables: names are found all the same, only who wants to serve them himself
    // has to leave this address out.
    return bind_sockets(name_server_port);
  }
  return sockets;
}

}  // namespace ctr::runtime
