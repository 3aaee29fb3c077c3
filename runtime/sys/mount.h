// Mounts by descriptor (the mount API of Linux 5.2), with mount(2) where the kernel has none of it.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "runtime/sys/unique_fd.h"

namespace ctr::sys {

// A new file system instance, not attached anywhere yet: fsopen, fsconfig for each option (an empty
// value sets a flag), fsmount. `attributes` are MOUNT_ATTR_* bits. Error messages carry what the
// kernel logged for the context ("overlay: No changes allowed in options …").
struct FilesystemOptions {
  std::string type;
  std::string source;  // may be empty
  std::vector<std::pair<std::string, std::string>> options;
  uint64_t attributes = 0;
};
UniqueFd make_filesystem(const FilesystemOptions& options);
// In two steps, which may be two processes': some file systems are those of who opened their context.
UniqueFd open_filesystem(const std::string& type);
UniqueFd make_filesystem(UniqueFd context, const FilesystemOptions& options);

// A detached copy of the mount at `path` (relative to `directory`; "" for the descriptor itself).
UniqueFd clone_mount(int directory, const std::string& path, bool recursive);

// mount_setattr(2) on a mount's descriptor.
void set_mount_attributes(int mount, uint64_t set, uint64_t clear, uint64_t propagation,
                          bool recursive);

// Attaches a detached mount onto the object of `target`, a descriptor: no path is resolved again.
void attach_mount(int mount, int target);

// mount(2) by path, for propagation changes and fallbacks.
void mount_by_path(const std::string& source, const std::string& target, const std::string& type,
                   unsigned long flags, const std::string& data);
void unmount(const std::string& target, int flags);

}  // namespace ctr::sys
