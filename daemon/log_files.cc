#include "daemon/log_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>

#include "runtime/sys/error.h"
#include "runtime/sys/file.h"

namespace ctr::daemon {

namespace {

constexpr size_t block_size = 64 << 10;

struct stat status_of(int fd) {
  struct stat status {};
  sys::check(::fstat(fd, &status), "fstat", "log");
  return status;
}

}  // namespace

std::optional<LogFile> LogFile::find(const std::string& path) {
  // O_NONBLOCK: a FIFO in the log's place must not make the open wait.
  int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
  if (fd < 0 && errno == ENOENT) return std::nullopt;
  if (fd < 0 && errno == ELOOP)
    throw sys::Error(sys::ErrorKind::internal, fmt::format("log '{}' is a symbolic link", path));
  sys::UniqueFd owned(sys::check(fd, "open", path));
  if (!S_ISREG(status_of(fd).st_mode))
    throw sys::Error(sys::ErrorKind::internal, fmt::format("log '{}' is not a regular file", path));
  return LogFile(std::move(owned));
}

uint64_t LogFile::size() const {
  return static_cast<uint64_t>(status_of(fd_.get()).st_size);
}

bool LogFile::is_same_as(const LogFile& other) const {
  struct stat a = status_of(fd_.get());
  struct stat b = status_of(other.fd_.get());
  return a.st_dev == b.st_dev && a.st_ino == b.st_ino;  // both are open: numbers are not reused
}

size_t LogFile::read(char* data, size_t size) {
  ssize_t count = sys::check(sys::retry_on_signal([&] {
                               return ::pread(fd_.get(), data, size, static_cast<off_t>(offset_));
                             }),
                             "read", "log");
  offset_ += static_cast<uint64_t>(count);
  return static_cast<size_t>(count);
}

LogFile::Tail LogFile::find_tail(uint64_t end, uint64_t limit) const {
  Tail tail;
  std::vector<char> block(block_size);
  for (uint64_t position = end; position > 0;) {
    size_t size = static_cast<size_t>(std::min<uint64_t>(position, block.size()));
    position -= size;
    ssize_t count = sys::check(::pread(fd_.get(), block.data(), size, static_cast<off_t>(position)),
                               "read", "log");
    for (ssize_t i = count - 1; i >= 0; --i) {
      if (block[static_cast<size_t>(i)] != '\n') continue;
      if (tail.lines == limit) {
        tail.offset = position + static_cast<uint64_t>(i) + 1;
        return tail;
      }
      ++tail.lines;
    }
  }
  return tail;
}

std::string LogFiles::name(unsigned number) const {
  return number == 0 ? path_ : fmt::format("{}.{}", path_, number);
}

std::vector<unsigned> LogFiles::numbers() const {
  const std::string base = path_.substr(path_.rfind('/') + 1);
  std::vector<unsigned> numbers;
  std::optional<sys::UniqueFd> listed = sys::find_at(AT_FDCWD, directory(), O_RDONLY | O_DIRECTORY);
  if (!listed) return numbers;  // the container is gone
  for (const std::string& entry : sys::list_directory(listed->get())) {
    if (entry == base) numbers.push_back(0);
    if (!entry.starts_with(base + ".")) continue;
    unsigned number = 0;
    const char* end = entry.data() + entry.size();
    auto [stop, error] = std::from_chars(entry.data() + base.size() + 1, end, number);
    if (error == std::errc() && stop == end && number > 0) numbers.push_back(number);
  }
  std::sort(numbers.begin(), numbers.end());
  return numbers;
}

std::vector<LogFile> LogFiles::open_all() const {
  std::vector<LogFile> files;
  // The newest first: a file that is renamed meanwhile is met twice, never missed.
  for (unsigned number : numbers()) {
    std::optional<LogFile> file = LogFile::find(name(number));
    if (!file) continue;
    bool known = std::any_of(files.begin(), files.end(),
                             [&](const LogFile& other) { return other.is_same_as(*file); });
    if (!known) files.push_back(std::move(*file));
  }
  std::reverse(files.begin(), files.end());
  return files;
}

std::optional<unsigned> LogFiles::find_number(const LogFile& file) const {
  for (unsigned number : numbers()) {
    std::optional<LogFile> found = LogFile::find(name(number));
    if (found && found->is_same_as(file)) return number;
  }
  return std::nullopt;
}

std::optional<LogFile> LogFiles::find_successor(const LogFile& file) const {
  while (true) {
    std::optional<unsigned> number = find_number(file);
    if (number == 0u) return std::nullopt;
    std::vector<unsigned> newer = numbers();
    // One that was rotated away altogether is followed by the oldest there is.
    if (number) std::erase_if(newer, [&](unsigned other) { return other >= *number; });
    if (newer.empty()) return std::nullopt;  // between the renaming and the new file
    std::optional<LogFile> successor = LogFile::find(name(newer.back()));
    // A rotation in between shifts all numbers: what was opened may be the successor's successor.
    if (successor && find_number(file) == number) return successor;
  }
}

}  // namespace ctr::daemon
