// Compiled system call filters, one file for each profile and set of capabilities, so that a start
// only maps what is there: <exec-root>/seccomp/. Owned by Containers.
// Runs in: ctrd. Thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>

namespace ctr::daemon {

class SeccompCache {
 public:
  explicit SeccompCache(std::string directory);

  struct Filter {
    std::string path;
    uint32_t flags = 0;
  };
  // `profile` is Docker's JSON, or empty for the default one. Filters of an earlier daemon are not
  // trusted: the default profile may have changed with it. Throws Error{invalid_argument} for a
  // profile that is none.
  Filter get(const std::string& profile, uint64_t capabilities, bool foreign_architecture);

 private:
  std::string directory_;
  std::mutex mutex_;
  std::map<std::string, Filter> filters_;  // by file name
};

}  // namespace ctr::daemon
