#include "runtime/sys/socket.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cstring>

#include "runtime/sys/error.h"
#include "runtime/sys/file.h"
#include "runtime/sys/path.h"

namespace ctr::sys {

namespace {

constexpr size_t header_size = 4;

// sun_path holds 107 characters. Longer paths are reached through /proc/self/fd/<directory>.
struct Address {
  sockaddr_un name{};
  UniqueFd directory;
};

Address address_of(const std::string& path) {
  Address address;
  address.name.sun_family = AF_UNIX;
  std::string text = path;
  if (text.size() >= sizeof address.name.sun_path) {
    size_t slash = path.find_last_of('/');
    address.directory =
        open_at(AT_FDCWD, slash == std::string::npos ? "." : path.substr(0, slash + 1),
                O_PATH | O_DIRECTORY);
    text = fd_path(address.directory.get()) + "/" + path.substr(slash + 1);
  }
  if (text.size() >= sizeof address.name.sun_path)
    throw Error(ErrorKind::invalid_argument, fmt::format("socket path '{}' is too long", path));
  std::memcpy(address.name.sun_path, text.c_str(), text.size() + 1);
  return address;
}

const sockaddr* generic(const Address& address) {
  return reinterpret_cast<const sockaddr*>(&address.name);
}

UniqueFd make_socket(int type) {
  return UniqueFd(check(::socket(AF_UNIX, type | SOCK_CLOEXEC, 0), "socket"));
}

bool somebody_listens(const std::string& path, int type) {
  UniqueFd probe = make_socket(type);
  Address address = address_of(path);
  return ::connect(probe.get(), generic(address), sizeof address.name) == 0 || errno == EAGAIN;
}

}  // namespace

std::pair<UniqueFd, UniqueFd> socket_pair(int type) {
  int ends[2];
  check(::socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, ends), "socketpair");
  return {UniqueFd(ends[0]), UniqueFd(ends[1])};
}

UniqueFd listen_unix(const std::string& path, mode_t mode, int type) {
  if (somebody_listens(path, type))
    throw Error(ErrorKind::conflict, fmt::format("another process already listens on '{}'", path));
  UniqueFd listener = make_socket(type);
  const std::string temporary = path + "." + random_hex(3);
  Address address = address_of(temporary);
  // Nobody may connect between bind and chmod: listen(2) comes last.
  check(::bind(listener.get(), generic(address), sizeof address.name), "bind", path);
  try {
    check(::chmod(temporary.c_str(), mode), "chmod", path);
    check(::listen(listener.get(), 1024), "listen", path);
    check(::rename(temporary.c_str(), path.c_str()), "rename", temporary, path);
  } catch (...) {
    ::unlink(temporary.c_str());
    throw;
  }
  return listener;
}

UniqueFd connect_unix(const std::string& path, int type) {
  UniqueFd socket = make_socket(type);
  Address address = address_of(path);
  check(retry_on_signal(
            [&] { return ::connect(socket.get(), generic(address), sizeof address.name); }),
        "connect", path);
  return socket;
}

UniqueFd accept_connection(int listener) {
  return UniqueFd(
      check(retry_on_signal([&] { return ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC); }),
            "accept"));
}

Peer peer_of(int socket) {
  ucred credentials{};
  socklen_t size = sizeof credentials;
  check(::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &size),
        "getsockopt SO_PEERCRED");
  return {credentials.pid, credentials.uid, credentials.gid};
}

void set_nonblocking(int fd, bool nonblocking) {
  int flags = check(::fcntl(fd, F_GETFL), "fcntl F_GETFL");
  flags = nonblocking ? flags | O_NONBLOCK : flags & ~O_NONBLOCK;
  check(::fcntl(fd, F_SETFL, flags), "fcntl F_SETFL");
}

void send_message(int socket, std::string_view text, const std::vector<int>& descriptors) {
  if (text.size() > message_limit || descriptors.size() > descriptor_limit)
    throw Error(ErrorKind::too_large, "message to another process of the engine is too large");
  std::string bytes(header_size, '\0');
  for (size_t i = 0; i < header_size; ++i)
    bytes[i] = static_cast<char>(text.size() >> (8 * (header_size - 1 - i)));
  bytes += text;

  iovec part{bytes.data(), bytes.size()};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int) * descriptor_limit)]{};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  if (!descriptors.empty()) {
    header.msg_control = control;
    header.msg_controllen = CMSG_SPACE(sizeof(int) * descriptors.size());
    cmsghdr* item = CMSG_FIRSTHDR(&header);
    item->cmsg_level = SOL_SOCKET;
    item->cmsg_type = SCM_RIGHTS;
    item->cmsg_len = CMSG_LEN(sizeof(int) * descriptors.size());
    std::memcpy(CMSG_DATA(item), descriptors.data(), sizeof(int) * descriptors.size());
  }
  while (part.iov_len > 0) {
    ssize_t sent =
        check(retry_on_signal([&] { return ::sendmsg(socket, &header, MSG_NOSIGNAL); }), "sendmsg");
    part.iov_base = static_cast<char*>(part.iov_base) + sent;
    part.iov_len -= static_cast<size_t>(sent);
    header.msg_control = nullptr;  // the descriptors went with the first byte
    header.msg_controllen = 0;
  }
}

MessageReader::Progress MessageReader::read_some(int socket) {
  char data[16384];
  iovec part{data, sizeof data};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int) * descriptor_limit)];
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  header.msg_control = control;
  header.msg_controllen = sizeof control;
  ssize_t count = retry_on_signal([&] { return ::recvmsg(socket, &header, MSG_CMSG_CLOEXEC); });
  if (count < 0 && errno == EAGAIN) return Progress::more;
  if (count < 0 && errno == ECONNRESET) return Progress::end;
  check(count, "recvmsg");
  size_t received = 0;
  for (cmsghdr* item = CMSG_FIRSTHDR(&header); item != nullptr; item = CMSG_NXTHDR(&header, item)) {
    if (item->cmsg_level != SOL_SOCKET || item->cmsg_type != SCM_RIGHTS) continue;
    size_t number = (item->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < number; ++i, ++received) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(item) + i * sizeof(int), sizeof fd);
      descriptors_.emplace_back(fd);
    }
  }
  if (count == 0) return Progress::end;
  if (received > 0)
    arrivals_.emplace_back(consumed_ + buffer_.size() + static_cast<size_t>(count) - 1, received);
  buffer_.append(data, static_cast<size_t>(count));
  return Progress::more;
}

std::optional<Message> MessageReader::take() {
  if (buffer_.size() < header_size) return std::nullopt;
  size_t length = 0;
  for (size_t i = 0; i < header_size; ++i)
    length = length << 8 | static_cast<unsigned char>(buffer_[i]);
  if (length > message_limit)
    throw Error(ErrorKind::too_large, "message from another process of the engine is too large");
  if (buffer_.size() < header_size + length) return std::nullopt;
  Message message{buffer_.substr(header_size, length), {}};
  buffer_.erase(0, header_size + length);
  // recvmsg(2) may put bytes of earlier messages before those that descriptors came with, but never
  // bytes behind them: who owns the last byte of that read owns the descriptors.
  uint64_t end = consumed_ + header_size + length;
  while (!arrivals_.empty() && arrivals_.front().first < end) {
    for (size_t i = 0; i < arrivals_.front().second; ++i) {
      message.descriptors.push_back(std::move(descriptors_.front()));
      descriptors_.pop_front();
    }
    arrivals_.pop_front();
  }
  consumed_ = end;
  return message;
}

std::optional<Message> MessageReader::receive(int socket) {
  while (true) {
    if (std::optional<Message> message = take()) return message;
    if (read_some(socket) == Progress::end) return take();
  }
}

}  // namespace ctr::sys
