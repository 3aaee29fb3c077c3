#include "runtime/oci/handover.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstring>

#include "runtime/oci/options.h"
#include "runtime/sys/error.h"
#include "runtime/sys/file.h"
#include "runtime/sys/socket.h"

namespace ctr::runtime::oci {

namespace {

constexpr int64_t descriptor_limit = 1024;
constexpr int first_descriptor = 3;

unsigned listen_descriptors() {
  const char* text = ::getenv("LISTEN_FDS");
  if (text == nullptr) return 0;
  const std::optional<int64_t> count = find_decimal(text);
  return count && *count > 0 && *count <= descriptor_limit ? static_cast<unsigned>(*count) : 0;
}

}  // namespace

void send_descriptor(const std::string& path, int descriptor, const std::string& name) {
  sys::UniqueFd socket = sys::connect_unix(path);
  iovec part{const_cast<char*>(name.data()), name.size()};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))]{};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  header.msg_control = control;
  header.msg_controllen = sizeof control;
  cmsghdr* item = CMSG_FIRSTHDR(&header);
  item->cmsg_level = SOL_SOCKET;
  item->cmsg_type = SCM_RIGHTS;
  item->cmsg_len = CMSG_LEN(sizeof descriptor);
  std::memcpy(CMSG_DATA(item), &descriptor, sizeof descriptor);
  sys::check(sys::retry_on_signal([&] { return ::sendmsg(socket.get(), &header, MSG_NOSIGNAL); }),
             "sendmsg", path);
}

PidFile::PidFile(const std::string& path, pid_t pid) : path_(path) {
  if (!path_.empty())
    sys::write_atomically(path_, std::to_string(pid), 0644, sys::Durability::until_reboot);
}

PidFile::~PidFile() {
  if (!path_.empty()) ::unlink(path_.c_str());
}

Inherited take_inherited_descriptors(int64_t asked) {
  if (asked < 0 || asked > descriptor_limit)
    throw UsageError(fmt::format("--preserve-fds takes 0 to {}, not {}", descriptor_limit, asked));
  Inherited inherited{.listen_count = listen_descriptors()};
  inherited.count = inherited.listen_count + static_cast<unsigned>(asked);
  const unsigned end = first_descriptor + inherited.count;
  for (unsigned fd = first_descriptor; fd < end; ++fd)
    if (::fcntl(static_cast<int>(fd), F_GETFD) < 0)
      throw UsageError(fmt::format("--preserve-fds: descriptor {} is not open", fd));
  sys::check(::syscall(SYS_close_range, end, ~0u, 0), "close_range");
  return inherited;
}

}  // namespace ctr::runtime::oci
