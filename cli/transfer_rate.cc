#include "cli/transfer_rate.h"

#include <fmt/format.h>

#include <cmath>

#include "cli/human.h"

namespace ctr::cli {

namespace {

using std::chrono::duration;

constexpr auto window = std::chrono::seconds(5);
constexpr auto shortest = std::chrono::milliseconds(500);
constexpr auto between_samples = std::chrono::milliseconds(100);  // bounds their number
constexpr double longest_told = 99 * 3600;  // seconds: more is a registry that stands still

std::string short_duration(double seconds) {
  auto whole = static_cast<uint64_t>(std::ceil(seconds));
  if (whole < 60) return fmt::format("{}s", whole);
  if (whole < 3600) return fmt::format("{}m{:02}s", whole / 60, whole % 60);
  return fmt::format("{}h{:02}m", whole / 3600, whole / 60 % 60);
}

}  // namespace

void TransferRate::add(Clock::time_point when, uint64_t bytes) {
  if (!samples_.empty() && bytes < samples_.back().bytes) samples_.clear();
  if (samples_.size() > 1 && when - samples_[samples_.size() - 2].when < between_samples)
    samples_.back() = {when, bytes};
  else
    samples_.push_back({when, bytes});
  while (samples_.size() > 2 && when - samples_[1].when >= window) samples_.pop_front();
}

std::optional<double> TransferRate::per_second() const {
  if (samples_.empty()) return std::nullopt;
  auto passed = samples_.back().when - samples_.front().when;
  if (passed < shortest) return std::nullopt;
  auto bytes = static_cast<double>(samples_.back().bytes - samples_.front().bytes);
  return bytes / duration<double>(passed).count();
}

std::string rate_text(std::optional<double> per_second, uint64_t bytes_left) {
  if (!per_second) return "";
  std::string text = human_size(std::floor(*per_second)) + "/s";
  double seconds = static_cast<double>(bytes_left) / *per_second;
  if (bytes_left > 0 && seconds < longest_told) text += ", " + short_duration(seconds) + " left";
  return text;
}

}  // namespace ctr::cli
