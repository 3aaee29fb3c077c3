// How often and how patiently a request is tried again. Pure, but for the sleep.
#pragma once

#include <chrono>
#include <optional>
#include <stop_token>

#include "image/registry_config.h"
#include "runtime/sys/error.h"

namespace ctr::image {

// Counts the failures of one piece of work.
class RetryBudget {
 public:
  explicit RetryBudget(const RegistryTiming& timing) : timing_(timing) {}

  // How long to wait before the next try; std::nullopt where the failure is final: another try
  // cannot help (a refusal, a bad certificate), or there were enough.
  std::optional<std::chrono::milliseconds> next_delay(const sys::Error& failure);
  // Something came: the next failure is the first again.
  void progressed() { failures_ = 0; }

 private:
  const RegistryTiming& timing_;
  unsigned failures_ = 0;
};

// 408, 429, 5xx, broken and stalled connections.
bool is_transient(const sys::Error& failure);

// Throws Cancelled as soon as the stop is requested.
void sleep_unless_stopped(std::chrono::milliseconds time, std::stop_token stop);

// Calls until it succeeds or the failure is final.
template <class Work>
auto with_retries(const RegistryTiming& timing, std::stop_token stop, Work work) {
  RetryBudget budget(timing);
  while (true) {
    std::chrono::milliseconds delay{};
    try {
      return work();
    } catch (const sys::Error& failure) {
      std::optional<std::chrono::milliseconds> next = budget.next_delay(failure);
      if (!next) throw;
      delay = *next;
    }
    sleep_unless_stopped(delay, stop);
  }
}

}  // namespace ctr::image
