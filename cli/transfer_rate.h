// How fast a transfer goes, over its last seconds, and how long the rest will take. Pure: times are given.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>

namespace ctr::cli {

class TransferRate {
 public:
  using Clock = std::chrono::steady_clock;

  // `bytes` had come in all at `when`, which is never earlier than that of the call before. What is
  // less than before (a download that began again) begins a new measurement.
  void add(Clock::time_point when, uint64_t bytes);

  // Bytes a second over the window. Nothing until it is long enough to be believed.
  std::optional<double> per_second() const;

 private:
  struct Sample {
    Clock::time_point when;
    uint64_t bytes;
  };
  std::deque<Sample> samples_;
};

// "12.3MB/s, 40s left"; "12.3MB/s" where nothing is left, "" without a rate.
std::string rate_text(std::optional<double> per_second, uint64_t bytes_left);

}  // namespace ctr::cli
