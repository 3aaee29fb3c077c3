// Paths that come from an image, a container, a tar entry or a request: resolved below a directory
// descriptor and never outside of it, each once. See "Paths" in the README's rules.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/sys/unique_fd.h"

namespace ctr::sys {

// Opens `path` as a process whose root directory is `root` would: absolute links and ".." stay
// inside, /proc's magic links are refused (openat2(2) with RESOLVE_IN_ROOT|RESOLVE_NO_MAGICLINKS;
// a component-wise walk where the kernel has no openat2). Retries while somebody renames beneath it, and
// walks where the kernel does not come to an end for them.
UniqueFd open_in_root(int root, const std::string& path, int flags, mode_t mode = 0);
// The same, but std::nullopt where the name does not exist.
std::optional<UniqueFd> find_in_root(int root, const std::string& path, int flags);

// mkdir -p inside the root, links followed inside; returns the last directory (O_PATH). Fails where a
// component is there and not a directory.
UniqueFd make_directories_in_root(int root, const std::string& path, mode_t mode);

// The directory (O_PATH) that holds the last component of `path`, created if it is missing, and that
// component's name. Throws Error{invalid_argument} if the path has no last component ("/", "a/..").
struct ParentAndName {
  UniqueFd parent;
  std::string name;
};
ParentAndName open_parent_in_root(int root, const std::string& path, mode_t directory_mode);

// "a//b/./c/" → {"a", "b", "c"}; ".." is kept. Pure.
std::vector<std::string> split_path(std::string_view path);
// "/a/./b/../c" → "/a/c"; never above "/". Pure and lexical: for text, never for access.
std::string clean_path(std::string_view path);

// Opens the object of an O_PATH descriptor again with other flags, through /proc/self/fd.
UniqueFd reopen(int fd, int flags);
std::string fd_path(int fd);  // "/proc/self/fd/7"

}  // namespace ctr::sys
