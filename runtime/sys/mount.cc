#include "runtime/sys/mount.h"

#include <fcntl.h>
#include <linux/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "runtime/sys/error.h"

// <sys/mount.h> and <linux/mount.h> cannot be included together before glibc 2.37; these two are
// all that is needed of the former.
extern "C" int mount(const char*, const char*, const char*, unsigned long, const void*) noexcept;
extern "C" int umount2(const char*, int) noexcept;

namespace ctr::sys {

namespace {

// The kernel explains a refused option on the context's descriptor, a line each: "e overlay: …".
std::string context_log(int context) {
  std::string text;
  char line[512];
  while (true) {
    ssize_t count = ::read(context, line, sizeof line);
    if (count <= 2) return text;
    while (count > 2 && line[count - 1] == '\n') --count;
    text += (text.empty() ? "" : "; ") + std::string(line + 2, static_cast<size_t>(count - 2));
  }
}

[[noreturn]] void fail(int error_number, const char* call, const std::string& subject,
                       int context) {
  std::string log = context_log(context);
  std::string message = fmt::format("{} '{}': {}", call, subject, errno_text(error_number));
  throw Error(ErrorKind::internal, log.empty() ? message : message + " (" + log + ")",
              error_number);
}

void configure(int context, unsigned command, const char* key, const char* value,
               const std::string& subject) {
  if (::syscall(SYS_fsconfig, context, command, key, value, 0) < 0)
    fail(errno, "fsconfig", subject, context);
}

}  // namespace

UniqueFd make_filesystem(const FilesystemOptions& options) {
  return make_filesystem(open_filesystem(options.type), options);
}

UniqueFd open_filesystem(const std::string& type) {
  return UniqueFd(static_cast<int>(
      check(::syscall(SYS_fsopen, type.c_str(), FSOPEN_CLOEXEC), "fsopen", type)));
}

UniqueFd make_filesystem(UniqueFd context, const FilesystemOptions& options) {
  if (!options.source.empty())
    configure(context.get(), FSCONFIG_SET_STRING, "source", options.source.c_str(), options.source);
  for (const auto& [key, value] : options.options) {
    if (value.empty())
      configure(context.get(), FSCONFIG_SET_FLAG, key.c_str(), nullptr, options.type + " " + key);
    else
      configure(context.get(), FSCONFIG_SET_STRING, key.c_str(), value.c_str(),
                fmt::format("{} {}={}", options.type, key, value));
  }
  configure(context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, options.type);
  long mount = ::syscall(SYS_fsmount, context.get(), FSMOUNT_CLOEXEC, options.attributes);
  if (mount < 0) fail(errno, "fsmount", options.type, context.get());
  return UniqueFd(static_cast<int>(mount));
}

UniqueFd clone_mount(int directory, const std::string& path, bool recursive) {
  unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | (recursive ? AT_RECURSIVE : 0u) |
                   (path.empty() ? AT_EMPTY_PATH : 0u);
  return UniqueFd(static_cast<int>(
      check(::syscall(SYS_open_tree, directory, path.c_str(), flags), "open_tree", path)));
}

void set_mount_attributes(int mount_fd, uint64_t set, uint64_t clear, uint64_t propagation,
                          bool recursive) {
  mount_attr attributes{};
  attributes.attr_set = set;
  attributes.attr_clr = clear;
  attributes.propagation = propagation;
  unsigned flags = AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0u);
  check(::syscall(SYS_mount_setattr, mount_fd, "", flags, &attributes, sizeof attributes),
        "mount_setattr");
}

void attach_mount(int mount_fd, int target) {
  check(::syscall(SYS_move_mount, mount_fd, "", target, "",
                  MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH),
        "move_mount");
}

void mount_by_path(const std::string& source, const std::string& target, const std::string& type,
                   unsigned long flags, const std::string& data) {
  check(::mount(source.c_str(), target.c_str(), type.empty() ? nullptr : type.c_str(), flags,
                data.empty() ? nullptr : data.c_str()),
        "mount", source, target);
}

void unmount(const std::string& target, int flags) {
  check(::umount2(target.c_str(), flags), "umount", target);
}

}  // namespace ctr::sys
