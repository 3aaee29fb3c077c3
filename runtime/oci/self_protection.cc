#include "runtime/oci/self_protection.h"

#include <fcntl.h>
#include <linux/memfd.h>
#include <linux/mount.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "runtime/sys/error.h"
#include "runtime/sys/file.h"
#include "runtime/sys/mount.h"

namespace ctr::runtime::oci {

namespace {

constexpr const char* own_program = "/proc/self/exe";
constexpr int required_seals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;

bool is_protected(int program) {
  struct statvfs status {};
  if (::fstatvfs(program, &status) == 0 && (status.f_flag & ST_RDONLY) != 0) return true;
  const int seals = ::fcntl(program, F_GET_SEALS);
  return seals >= 0 && (seals & required_seals) == required_seals;
}

sys::UniqueFd make_sealed_copy(int program) {
  // MFD_EXEC is Linux 6.3's; before it every such file can be executed.
  int fd = ::memfd_create("ctr-runtime", MFD_CLOEXEC | MFD_ALLOW_SEALING | 0x10U /* MFD_EXEC */);
  if (fd < 0 && errno == EINVAL)
    fd = ::memfd_create("ctr-runtime", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  sys::UniqueFd copy(sys::check(fd, "memfd_create"));
  struct stat status {};
  sys::check(::fstat(program, &status), "fstat", own_program);
  for (off_t left = status.st_size; left > 0;) {
    const ssize_t count =
        sys::check(::sendfile(copy.get(), program, nullptr, static_cast<size_t>(left)), "sendfile",
                   own_program);
    if (count == 0) break;
    left -= count;
  }
  sys::check(::fcntl(copy.get(), F_ADD_SEALS, required_seals), "fcntl F_ADD_SEALS");
  return copy;
}

sys::UniqueFd open_protected(int program) {
  try {
    sys::UniqueFd mount = sys::clone_mount(AT_FDCWD, own_program, false);
    sys::set_mount_attributes(mount.get(), MOUNT_ATTR_RDONLY, 0, 0, false);
    return mount;
  } catch (const sys::Error&) {
    // Before Linux 5.12, or without CAP_SYS_ADMIN.
    return make_sealed_copy(program);
  }
}

}  // namespace

void protect_own_program(char** arguments) {
  sys::UniqueFd program = sys::open_at(AT_FDCWD, own_program, O_RDONLY);
  if (is_protected(program.get())) return;
  sys::UniqueFd copy = open_protected(program.get());
  sys::check(::syscall(SYS_execveat, copy.get(), "", arguments, environ, AT_EMPTY_PATH), "execveat",
             own_program);
}

}  // namespace ctr::runtime::oci
