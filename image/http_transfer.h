// One transfer while it runs: what libcurl's callbacks write into. Internal to http_client.
#pragma once

#include <chrono>
#include <exception>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include "image/http_client.h"

namespace ctr::image {

// Whether bytes still arrive. Time that our own side spends on them (a full pipeline, a slow disk)
// is not the registry's fault and does not count. Pure.
class ProgressWatchdog {
 public:
  using Clock = std::chrono::steady_clock;
  ProgressWatchdog(std::chrono::milliseconds window, size_t bytes, Clock::time_point now)
      : window_(window), bytes_(bytes), since_(now) {}

  void received(size_t bytes, Clock::time_point now);
  void spent_by_us(Clock::duration time) { since_ += time; }
  bool expired(Clock::time_point now) const { return now - since_ > window_; }

 private:
  Clock::duration window_;
  size_t bytes_;
  size_t in_window_ = 0;
  Clock::time_point since_;
};

enum class TransferEnd { running, cancelled, stalled, too_large, forbidden_address, sink_threw };

class HttpTransfer {
 public:
  HttpTransfer(const HttpRequest& request, const RegistryTiming& timing, std::stop_token stop,
               const BodySink& sink);

  // The callbacks: they return whether the transfer goes on, and never throw.
  bool on_header(std::string_view line) noexcept;
  bool on_body(std::string_view piece, long status) noexcept;
  // The next bytes of the upload, 0 at its end; nullopt ends the transfer.
  std::optional<size_t> on_read(char* data, size_t size) noexcept;
  bool on_tick() noexcept;
  bool on_connected(const char* address) noexcept;

  TransferEnd end() const { return end_; }
  std::exception_ptr thrown() const { return thrown_; }
  bool answered() const { return header_bytes_ > 0; }
  HttpResponse& response() { return response_; }

 private:
  bool finish(TransferEnd end);
  void read_header(std::string_view line);
  bool pass_on(std::string_view piece);
  bool keep(std::string_view piece);

  const HttpRequest& request_;
  std::stop_token stop_;
  const BodySink& sink_;
  ProgressWatchdog watchdog_;
  HttpResponse response_;
  size_t header_bytes_ = 0;
  uint64_t sent_bytes_ = 0;
  TransferEnd end_ = TransferEnd::running;
  std::exception_ptr thrown_;
};

}  // namespace ctr::image
