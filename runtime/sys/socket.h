// Unix sockets: addresses, peers, and messages with descriptors in them.
#pragma once

#include <sys/socket.h>
#include <sys/types.h>

#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/sys/unique_fd.h"

namespace ctr::sys {

std::pair<UniqueFd, UniqueFd> socket_pair(int type);  // SOCK_STREAM or SOCK_SEQPACKET; close-on-exec

// A socket that listens at `path` with the given mode from its first moment (it is bound
// under a temporary name in the same directory and renamed). Paths longer than sun_path go through
// the directory's descriptor. A socket file on which nobody listens any more is replaced;
// Error{conflict} if somebody does. `type`: SOCK_STREAM or SOCK_SEQPACKET.
UniqueFd listen_unix(const std::string& path, mode_t mode, int type = SOCK_STREAM);
UniqueFd connect_unix(const std::string& path, int type = SOCK_STREAM);
UniqueFd accept_connection(int listener);  // close-on-exec; blocks unless the listener does not

struct Peer {
  pid_t pid;
  uid_t uid;
  gid_t gid;
};
Peer peer_of(int socket);  // SO_PEERCRED

void set_nonblocking(int fd, bool nonblocking);

// A message between our own programs: a text (JSON) and descriptors. On the wire, over a stream
// socket: 4 bytes length, big-endian, then the text; the descriptors travel with the first byte.
struct Message {
  std::string text;
  std::vector<UniqueFd> descriptors;
};
inline constexpr size_t message_limit = 8 << 20;
inline constexpr size_t descriptor_limit = 8;

void send_message(int socket, std::string_view text, const std::vector<int>& descriptors = {});

// Reads messages from a stream socket; works for blocking sockets (receive) and for the ready events
// of a loop (read_some, then take until nullopt).
class MessageReader {
 public:
  enum class Progress { more, end };
  // One recvmsg(2). `more` also if a non-blocking socket had nothing.
  Progress read_some(int socket);
  std::optional<Message> take();
  // Blocks for the next message; nullopt at the end of the stream.
  std::optional<Message> receive(int socket);

 private:
  std::string buffer_;
  std::deque<UniqueFd> descriptors_;
  // (offset in the stream at which they came, how many)
  std::deque<std::pair<uint64_t, size_t>> arrivals_;
  uint64_t consumed_ = 0;  // stream offset of buffer_[0]
};

}  // namespace ctr::sys
