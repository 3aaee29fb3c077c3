#include "runtime/security/seccomp.h"

#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstring>

#include "runtime/sys/error.h"
#include "runtime/sys/file.h"

namespace ctr::runtime {

using sys::Error;
using sys::ErrorKind;
using sys::UniqueFd;

namespace {

constexpr size_t file_limit = BPF_MAXINSNS * sizeof(sock_filter);

// Flags without which the filter filters the same.
constexpr uint32_t tuning_flags = SECCOMP_FILTER_FLAG_SPEC_ALLOW | SECCOMP_FILTER_FLAG_LOG;

long set_filter(const sock_fprog& program, uint32_t flags) {
  return ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);
}

}  // namespace

UniqueFd load_filter(const CompiledFilter& filter) {
  const sock_fprog program{static_cast<unsigned short>(filter.program.size()),
                           const_cast<sock_filter*>(filter.program.data())};
  uint32_t flags = filter.flags;
  long result = set_filter(program, flags);
  if (result < 0 && errno == EINVAL && (flags & tuning_flags) != 0) {
    flags &= ~tuning_flags;
    result = set_filter(program, flags);
  }
  // A filter of the host's that does not know seccomp(2): a daemon inside an old container.
  if (result < 0 && errno == ENOSYS && flags == 0)
    result = ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
  sys::check(result, "seccomp SECCOMP_SET_MODE_FILTER");
  if ((flags & SECCOMP_FILTER_FLAG_NEW_LISTENER) != 0) return UniqueFd(static_cast<int>(result));
  // With TSYNC a positive result is a thread that has filters of its own.
  if (result > 0)
    throw Error(ErrorKind::internal,
                fmt::format("seccomp: thread {} cannot be given the filter", result));
  return {};
}

void write_filter(const std::string& path, const CompiledFilter& filter) {
  const std::string_view bytes(reinterpret_cast<const char*>(filter.program.data()),
                               filter.program.size() * sizeof(sock_filter));
  sys::write_atomically(path, bytes, 0644, sys::Durability::until_reboot);
}

CompiledFilter read_filter(const std::string& path, uint32_t flags) {
  const std::string bytes = sys::read_file(path, file_limit);
  if (bytes.empty() || bytes.size() % sizeof(sock_filter) != 0)
    throw Error(ErrorKind::invalid_argument,
                fmt::format("'{}' is not a compiled seccomp filter", path));
  CompiledFilter filter;
  filter.flags = flags;
  filter.program.resize(bytes.size() / sizeof(sock_filter));
  std::memcpy(filter.program.data(), bytes.data(), bytes.size());
  return filter;
}

}  // namespace ctr::runtime
