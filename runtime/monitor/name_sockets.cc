#include "runtime/monitor/name_sockets.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/socket.h>

#include <cstdlib>

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

sys::UniqueFd bind_socket(int type) {
  sys::UniqueFd socket(sys::check(::socket(AF_INET, type | SOCK_CLOEXEC, 0), "socket"));
  int on = 1;
  // A DNS server of the container's own may then still bind all addresses by UDP.
  sys::check(::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on), "setsockopt");
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(name_server_port);
  address.sin_addr.s_addr = htonl(name_server_address);
  sys::check(::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address),
             "bind 127.0.0.11:53");
  return socket;
}

}  // namespace

NameSockets open_name_sockets(int network) {
  InNetwork inside(network);
  NameSockets sockets{bind_socket(SOCK_DGRAM), bind_socket(SOCK_STREAM)};
  sys::check(::listen(sockets.tcp.get(), backlog), "listen");
  return sockets;
}

}  // namespace ctr::runtime
