// Whole files and descriptors: bounded reads, complete writes, atomic replacement.
#pragma once

#include <sys/stat.h>
#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/sys/unique_fd.h"

namespace ctr::sys {

// Opens below a directory descriptor (AT_FDCWD for the host's own paths), always close-on-exec.
UniqueFd open_at(int directory, const std::string& path, int flags, mode_t mode = 0);
// The same, but std::nullopt where the name does not exist (ENOENT, ENOTDIR).
std::optional<UniqueFd> find_at(int directory, const std::string& path, int flags);

// A duplicate that is closed on exec.
UniqueFd duplicate(int fd);

// Reads to the end; throws Error{too_large} beyond `limit` bytes.
std::string read_all(int fd, size_t limit, std::string_view name);
std::string read_file(int directory, const std::string& path, size_t limit = 16 << 20);
std::string read_file(const std::string& path, size_t limit = 16 << 20);
std::optional<std::string> find_file(const std::string& path, size_t limit = 16 << 20);

// Writes everything, however many calls it takes.
void write_all(int fd, std::string_view data, std::string_view name);
// Writes into an existing file in one write(2): what files of /proc and cgroups need.
void write_existing(int directory, const std::string& path, std::string_view data);

enum class Durability {
  until_reboot,    // atomic, but not synced: a power cut may lose it
  across_power_cut // the file is synced before the rename and its directory after it
};
// Replaces `path` in one step: a reader, or a crash, sees the old content or the new.
void write_atomically(int directory, const std::string& path, std::string_view data, mode_t mode,
                      Durability durability);
void write_atomically(const std::string& path, std::string_view data, mode_t mode,
                      Durability durability);

void sync_directory(const std::string& path);

// mkdir -p on the host's own paths; existing directories keep their mode.
void make_directories(const std::string& path, mode_t mode);

// Deletes a tree without following links or leaving the file system's tree below `directory`.
// Nothing at the path is success. Never throws for entries that vanish meanwhile.
void remove_tree(int directory, const std::string& name);
void remove_tree(const std::string& path);

// Names in a directory but for "." and "..", unsorted.
std::vector<std::string> list_directory(int directory);
std::vector<std::string> list_directory(const std::string& path);

bool exists(const std::string& path);

// A file in `directory` without a name, for reading and writing: gone with its last descriptor.
UniqueFd make_unnamed_file(const std::string& directory);

// Random bytes from getrandom(2) as lower-case hexadecimal: random_hex(32) has 64 characters.
std::string random_hex(size_t bytes);

}  // namespace ctr::sys
