// The files in a cgroup's directory: written in one call, read whole, parsed. Internal to this
// directory.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/sys/unique_fd.h"

namespace ctr::runtime {

// 0, or errno: callers know what a refusal means.
int write_control_file(int directory, const std::string& file, std::string_view value);

// Writes to the files of one directory; a file that is written several times in a row (the lines of
// devices.allow) is opened once.
class ControlFiles {
 public:
  explicit ControlFiles(int directory) : directory_(directory) {}
  int write(const std::string& file, std::string_view value);

 private:
  int directory_;
  std::string name_;
  sys::UniqueFd fd_;
};

// nullopt where the file is missing.
std::optional<std::string> find_control_file(int directory, const std::string& file);
// One number; "max" is UINT64_MAX. nullopt where the file is missing.
std::optional<uint64_t> find_number(int directory, const std::string& file);
// "user 12\nsystem 7\n" → {{"user", 12}, {"system", 7}}; empty where the file is missing.
std::map<std::string, uint64_t> read_keyed(int directory, const std::string& file);

std::string_view trimmed(std::string_view text);
// Words of a text, separated by blanks and line ends.
std::vector<std::string_view> words(std::string_view text);
// The leading decimal number of a word; 0 if there is none.
uint64_t to_number(std::string_view word);

// Names of the cgroups directly below.
std::vector<std::string> child_cgroups(int directory);
// Processes in a cgroup and below, sorted.
std::vector<pid_t> cgroup_pids(int directory);
// A cgroup below (at any depth) that has processes; empty if there is none.
sys::UniqueFd first_populated_child(int directory);

// Waits 0.2 ms, then longer each time, up to 10 ms: for what the kernel finishes on its own.
class Backoff {
 public:
  void sleep();

 private:
  std::chrono::microseconds next_{200};
};

}  // namespace ctr::runtime
