// The files of one container's log: path, path.1 (older), path.2 … as ctr-monitor rotates them by
// renaming while we read. Runs in: ctrd, on a connection's thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "runtime/sys/unique_fd.h"

namespace ctr::daemon {

// One open file; keeps its place whatever it is called meanwhile.
class LogFile {
 public:
  // nullopt if it is not there. Never follows a link and never opens anything but a regular file,
  // so that who can replace a log cannot make the daemon read or wait elsewhere (X07).
  static std::optional<LogFile> find(const std::string& path);

  uint64_t size() const;
  bool is_same_as(const LogFile& other) const;
  void seek(uint64_t offset) { offset_ = offset; }
  uint64_t offset() const { return offset_; }
  // The next bytes, none at the end for now.
  size_t read(char* data, size_t size);
  // Where the last `limit` lines before `end` begin, and how many there are if they are fewer. A
  // torn last line is none yet.
  struct Tail {
    uint64_t lines = 0;
    uint64_t offset = 0;
  };
  Tail find_tail(uint64_t end, uint64_t limit) const;

 private:
  explicit LogFile(sys::UniqueFd fd) : fd_(std::move(fd)) {}
  sys::UniqueFd fd_;
  uint64_t offset_ = 0;
};

class LogFiles {
 public:
  explicit LogFiles(std::string path) : path_(std::move(path)) {}

  // All there are, the oldest first, each once, however they are renamed meanwhile.
  std::vector<LogFile> open_all() const;
  // The file that was begun when `file` was full. nullopt while `file` is the one being written.
  std::optional<LogFile> find_successor(const LogFile& file) const;
  std::string directory() const { return path_.substr(0, path_.rfind('/')); }

 private:
  std::vector<unsigned> numbers() const;  // of the files there are, ascending; 0 is path itself
  std::string name(unsigned number) const;
  std::optional<unsigned> find_number(const LogFile& file) const;

  std::string path_;
};

}  // namespace ctr::daemon
