#include "runtime/file_ids.h"

#include <linux/capability.h>
#include <sys/fsuid.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>

#include "runtime/sys/error.h"

namespace ctr::runtime {

void take_file_ids(uint32_t uid, uint32_t gid) {
  // A user other than root loses the capabilities for files with the change: they are given back.
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  std::array<__user_cap_data_struct, 2> capabilities{};
  sys::check(::syscall(SYS_capget, &header, capabilities.data()), "capget");
  (void)::setfsgid(gid);
  (void)::setfsuid(uid);
  sys::check(::syscall(SYS_capset, &header, capabilities.data()), "capset");
}

}  // namespace ctr::runtime
