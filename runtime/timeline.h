// When each step of a start was done: recorded for every run, by both sides, into one page that they
// share. The names are those of the stages (init.cc) and of launch's own steps.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>

namespace ctr::runtime {

class Timeline {
 public:
  Timeline();
  ~Timeline();
  Timeline(const Timeline&) = delete;
  Timeline& operator=(const Timeline&) = delete;

  // `name` is a string literal: it lies at the same address on both sides of the clone. Two clock
  // reads and a store; never fails, and forgets what no longer fits.
  void mark(const char* name) noexcept;

  // A JSON array of {"name", "at"}: microseconds since the timeline was made, in order of time.
  std::string to_json() const;

 private:
  static constexpr uint32_t capacity = 96;
  struct Entry {
    const char* name;
    int64_t time;  // CLOCK_MONOTONIC, nanoseconds
  };
  struct Page {
    std::atomic<uint32_t> count;
    int64_t begin;
    Entry entries[capacity];
  };
  Page* page_;  // shared with the child, unlike everything else
};

}  // namespace ctr::runtime
