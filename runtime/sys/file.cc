#include "runtime/sys/file.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/random.h>

#include <memory>

#include "runtime/sys/error.h"

namespace ctr::sys {

namespace {

struct CloseDirectory {
  void operator()(DIR* directory) const { ::closedir(directory); }
};
using Directory = std::unique_ptr<DIR, CloseDirectory>;

Directory open_stream(UniqueFd fd) {
  Directory stream(::fdopendir(fd.get()));
  if (!stream) throw_errno(errno, "fdopendir", {});
  (void)fd.release();  // the stream owns it now
  return stream;
}

bool is_dot(const char* name) {
  return name[0] == '.' && (name[1] == 0 || (name[1] == '.' && name[2] == 0));
}

std::string parent_of(const std::string& path) {
  size_t slash = path.find_last_of('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

}  // namespace

UniqueFd open_at(int directory, const std::string& path, int flags, mode_t mode) {
  return UniqueFd(check(
      retry_on_signal([&] { return ::openat(directory, path.c_str(), flags | O_CLOEXEC, mode); }),
      "open", path));
}

std::optional<UniqueFd> find_at(int directory, const std::string& path, int flags) {
  int fd = retry_on_signal([&] { return ::openat(directory, path.c_str(), flags | O_CLOEXEC); });
  if (fd < 0 && (errno == ENOENT || errno == ENOTDIR)) return std::nullopt;
  return UniqueFd(check(fd, "open", path));
}

UniqueFd duplicate(int fd) {
  return UniqueFd(check(::fcntl(fd, F_DUPFD_CLOEXEC, 3), "fcntl F_DUPFD_CLOEXEC", long{fd}));
}

std::string read_all(int fd, size_t limit, std::string_view name) {
  std::string content;
  char buffer[16384];
  while (true) {
    ssize_t count =
        check(retry_on_signal([&] { return ::read(fd, buffer, sizeof buffer); }), "read", name);
    if (count == 0) return content;
    content.append(buffer, static_cast<size_t>(count));
    if (content.size() > limit)
      throw Error(ErrorKind::too_large,
                  fmt::format("'{}' is larger than the limit of {} bytes", name, limit));
  }
}

std::string read_file(int directory, const std::string& path, size_t limit) {
  return read_all(open_at(directory, path, O_RDONLY).get(), limit, path);
}

std::string read_file(const std::string& path, size_t limit) {
  return read_file(AT_FDCWD, path, limit);
}

std::optional<std::string> find_file(const std::string& path, size_t limit) {
  std::optional<UniqueFd> fd = find_at(AT_FDCWD, path, O_RDONLY);
  if (!fd) return std::nullopt;
  return read_all(fd->get(), limit, path);
}

void write_all(int fd, std::string_view data, std::string_view name) {
  while (!data.empty()) {
    ssize_t count = check(retry_on_signal([&] { return ::write(fd, data.data(), data.size()); }),
                          "write", name);
    data.remove_prefix(static_cast<size_t>(count));
  }
}

void write_existing(int directory, const std::string& path, std::string_view data) {
  UniqueFd fd = open_at(directory, path, O_WRONLY);
  check(retry_on_signal([&] { return ::write(fd.get(), data.data(), data.size()); }), "write", path,
        data);
}

void write_atomically(int directory, const std::string& path, std::string_view data, mode_t mode,
                      Durability durability) {
  const std::string temporary = path + "." + random_hex(4) + ".tmp";
  UniqueFd fd = open_at(directory, temporary, O_WRONLY | O_CREAT | O_EXCL, mode);
  try {
    write_all(fd.get(), data, temporary);
    if (durability == Durability::across_power_cut) check(::fsync(fd.get()), "fsync", temporary);
    check(::renameat(directory, temporary.c_str(), directory, path.c_str()), "rename", temporary,
          path);
  } catch (...) {
    ::unlinkat(directory, temporary.c_str(), 0);
    throw;
  }
  if (durability == Durability::across_power_cut) {
    UniqueFd parent = open_at(directory, parent_of(path), O_RDONLY | O_DIRECTORY);
    check(::fsync(parent.get()), "fsync", parent_of(path));
  }
}

void write_atomically(const std::string& path, std::string_view data, mode_t mode,
                      Durability durability) {
  write_atomically(AT_FDCWD, path, data, mode, durability);
}

void sync_directory(const std::string& path) {
  check(::fsync(open_at(AT_FDCWD, path, O_RDONLY | O_DIRECTORY).get()), "fsync", path);
}

void make_directories(const std::string& path, mode_t mode) {
  if (::mkdir(path.c_str(), mode) == 0) return;
  if (errno == ENOENT && path.find('/') != std::string::npos && parent_of(path) != path) {
    make_directories(parent_of(path), mode);
    if (::mkdir(path.c_str(), mode) == 0) return;
  }
  int error_number = errno;
  struct stat status {};
  if (error_number == EEXIST && ::stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode))
    return;
  throw_errno(error_number, "mkdir", {"'" + path + "'"});
}

namespace {

// A tree that links helped to make may be deeper than there are descriptors and stack: beyond this
// depth a directory is first moved up to the tree's top, where it is met again.
constexpr int depth_limit = 100;
constexpr int round_limit = 10'000;  // somebody else keeps filling the tree

// Deletes what is in `directory`, whose descriptor it takes; `top` is the tree's first directory.
void remove_content(UniqueFd directory, int top, int depth) {
  Directory stream = open_stream(std::move(directory));
  int fd = ::dirfd(stream.get());
  while (const dirent* entry = ::readdir(stream.get())) {
    if (is_dot(entry->d_name)) continue;
    const char* name = entry->d_name;
    if (entry->d_type != DT_DIR && ::unlinkat(fd, name, 0) == 0) continue;
    if (::unlinkat(fd, name, AT_REMOVEDIR) == 0) continue;
    if (depth >= depth_limit && ::renameat(fd, name, top, random_hex(16).c_str()) == 0) continue;
    std::optional<UniqueFd> child = find_at(fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    if (!child) {
      remove_tree(fd, name);
      continue;
    }
    remove_content(std::move(*child), top, depth + 1);
    if (::unlinkat(fd, name, AT_REMOVEDIR) < 0 && errno != ENOENT)
      throw_errno(errno, "rmdir", {"'" + std::string(name) + "'"});
  }
}

}  // namespace

void remove_tree(int directory, const std::string& name) {
  if (::unlinkat(directory, name.c_str(), 0) == 0 || errno == ENOENT) return;
  if (errno != EISDIR && errno != EPERM) throw_errno(errno, "unlink", {"'" + name + "'"});
  std::optional<UniqueFd> top = find_at(directory, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  if (!top) return;
  // What was moved to the top while it was read needs another round; each takes the tree a hundred
  // levels down, so that a finite tree comes to its end.
  for (int round = 1;; ++round) {
    remove_content(duplicate(top->get()), top->get(), 0);
    if (::unlinkat(directory, name.c_str(), AT_REMOVEDIR) == 0 || errno == ENOENT) return;
    if (errno != ENOTEMPTY || round == round_limit) throw_errno(errno, "rmdir", {"'" + name + "'"});
    check(::lseek(top->get(), 0, SEEK_SET), "lseek", name);
  }
}

void remove_tree(const std::string& path) {
  remove_tree(AT_FDCWD, path);
}

std::vector<std::string> list_directory(int directory) {
  Directory stream = open_stream(open_at(directory, ".", O_RDONLY | O_DIRECTORY));
  std::vector<std::string> names;
  while (const dirent* entry = ::readdir(stream.get()))
    if (!is_dot(entry->d_name)) names.emplace_back(entry->d_name);
  return names;
}

std::vector<std::string> list_directory(const std::string& path) {
  return list_directory(open_at(AT_FDCWD, path, O_RDONLY | O_DIRECTORY).get());
}

bool exists(const std::string& path) {
  struct stat status {};
  return ::lstat(path.c_str(), &status) == 0;
}

UniqueFd make_unnamed_file(const std::string& directory) {
  const std::string path = directory + "/unnamed-" + random_hex(8);
  UniqueFd file = open_at(AT_FDCWD, path, O_RDWR | O_CREAT | O_EXCL, 0600);
  check(::unlink(path.c_str()), "unlink", path);
  return file;
}

std::string random_hex(size_t bytes) {
  static constexpr char digits[] = "0123456789abcdef";
  std::string raw(bytes, '\0');
  check(retry_on_signal([&] { return ::getrandom(raw.data(), raw.size(), 0); }), "getrandom");
  std::string text;
  for (unsigned char byte : raw) {
    text += digits[byte >> 4];
    text += digits[byte & 15];
  }
  return text;
}

}  // namespace ctr::sys
