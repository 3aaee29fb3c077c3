#include "image/registry_retry.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>

#include "image/registry_error.h"

namespace ctr::image {

namespace {

bool nobody_answers(const sys::Error& failure) {
  const auto* error = dynamic_cast<const TransferError*>(&failure);
  return error && (error->failure() == TransferFailure::unreachable ||
                   error->failure() == TransferFailure::silent ||
                   error->failure() == TransferFailure::handshake);
}

}  // namespace

bool is_transient(const sys::Error& failure) {
  if (const auto* error = dynamic_cast<const TransferError*>(&failure))
    return error->kind() == sys::ErrorKind::unavailable;
  if (const auto* error = dynamic_cast<const RegistryError*>(&failure))
    return error->status() == 408 || error->status() == 429 || error->status() >= 500;
  return false;
}

std::optional<std::chrono::milliseconds> RetryBudget::next_delay(const sys::Error& failure) {
  if (!is_transient(failure)) return std::nullopt;
  ++failures_;
  if (failures_ >= (nobody_answers(failure) ? timing_.connect_attempts : timing_.attempts))
    return std::nullopt;
  if (const auto* error = dynamic_cast<const RegistryError*>(&failure);
      error && error->retry_after()) {
    if (*error->retry_after() > timing_.max_retry_after) return std::nullopt;
    return *error->retry_after();
  }
  const unsigned doublings = std::min(failures_ - 1, 16u);
  return std::min(timing_.first_delay * (1u << doublings), timing_.max_delay);
}

void sleep_unless_stopped(std::chrono::milliseconds time, std::stop_token stop) {
  std::mutex mutex;
  std::condition_variable_any wakeup;
  std::unique_lock lock(mutex);
  wakeup.wait_for(lock, stop, time, [] { return false; });
  if (stop.stop_requested()) throw Cancelled();
}

}  // namespace ctr::image
