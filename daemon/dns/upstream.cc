#include "daemon/dns/upstream.h"

#include <netdb.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>

#include "daemon/dns/message.h"
#include "runtime/sys/error.h"

namespace ctr::daemon::dns {

namespace {

constexpr timeval patience{4, 0};

std::optional<sys::UniqueFd> connect_to(const std::string& server, int type) {
  addrinfo hints{};
  hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
  hints.ai_socktype = type & (SOCK_DGRAM | SOCK_STREAM);
  addrinfo* found = nullptr;
  if (::getaddrinfo(server.c_str(), "53", &hints, &found) != 0) return std::nullopt;
  sys::UniqueFd socket(::socket(found->ai_family, type | SOCK_CLOEXEC, 0));
  if (socket) {
    ::setsockopt(socket.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (::connect(socket.get(), found->ai_addr, found->ai_addrlen) < 0) socket.reset();
  }
  ::freeaddrinfo(found);
  return socket ? std::optional(std::move(socket)) : std::nullopt;
}

bool read_exactly(int socket, char* data, size_t size) {
  while (size > 0) {
    ssize_t count = sys::retry_on_signal([&] { return ::recv(socket, data, size, 0); });
    if (count <= 0) return false;
    data += count;
    size -= static_cast<size_t>(count);
  }
  return true;
}

}  // namespace

std::optional<sys::UniqueFd> connect_udp(const std::string& server) {
  return connect_to(server, SOCK_DGRAM | SOCK_NONBLOCK);
}

std::optional<std::string> read_tcp_message(int socket) {
  unsigned char length[2];
  if (!read_exactly(socket, reinterpret_cast<char*>(length), 2)) return std::nullopt;
  std::string message(static_cast<size_t>(length[0]) << 8 | length[1], '\0');
  if (!read_exactly(socket, message.data(), message.size())) return std::nullopt;
  return message;
}

bool write_tcp_message(int socket, std::string_view message) {
  if (message.size() > message_limit) return false;
  std::string framed{static_cast<char>(message.size() >> 8),
                     static_cast<char>(message.size() & 0xff)};
  framed += message;
  for (std::string_view left = framed; !left.empty();) {
    ssize_t count = sys::retry_on_signal(
        [&] { return ::send(socket, left.data(), left.size(), MSG_NOSIGNAL); });
    if (count <= 0) return false;
    left.remove_prefix(static_cast<size_t>(count));
  }
  return true;
}

std::optional<std::string> exchange_tcp(const std::string& server, std::string_view message) {
  std::optional<sys::UniqueFd> socket = connect_to(server, SOCK_STREAM);
  if (!socket || !write_tcp_message(socket->get(), message)) return std::nullopt;
  return read_tcp_message(socket->get());
}

}  // namespace ctr::daemon::dns
