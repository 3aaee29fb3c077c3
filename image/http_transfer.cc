#include "image/http_transfer.h"

#include <unistd.h>

#include "runtime/sys/error.h"

namespace ctr::image {

namespace {

constexpr size_t max_header_bytes = 256 << 10;

std::string_view trim(std::string_view text) {
  while (!text.empty() && static_cast<unsigned char>(text.back()) <= ' ') text.remove_suffix(1);
  while (!text.empty() && static_cast<unsigned char>(text.front()) <= ' ') text.remove_prefix(1);
  return text;
}

bool is_success(long status) {
  return status == 200 || status == 206;
}

}  // namespace

void ProgressWatchdog::received(size_t bytes, Clock::time_point now) {
  in_window_ += bytes;
  if (in_window_ < bytes_) return;
  in_window_ = 0;
  since_ = now;
}

HttpTransfer::HttpTransfer(const HttpRequest& request, const RegistryTiming& timing,
                           std::stop_token stop, const BodySink& sink)
    : request_(request),
      stop_(std::move(stop)),
      sink_(sink),
      watchdog_(timing.stall, timing.stall_bytes, ProgressWatchdog::Clock::now()) {}

bool HttpTransfer::finish(TransferEnd end) {
  if (end_ == TransferEnd::running) end_ = end;
  return false;
}

void HttpTransfer::read_header(std::string_view line) {
  // A new status line: what came before was an interim answer (100) or a proxy's.
  if (line.starts_with("HTTP/")) {
    response_.headers.clear();
    return;
  }
  const size_t colon = line.find(':');
  if (colon == std::string_view::npos) return;
  std::string name(trim(line.substr(0, colon)));
  for (char& c : name)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  response_.headers.emplace_back(std::move(name), trim(line.substr(colon + 1)));
}

bool HttpTransfer::on_header(std::string_view line) noexcept {
  try {
    header_bytes_ += line.size();
    if (header_bytes_ > max_header_bytes) return finish(TransferEnd::too_large);
    read_header(line);
    return true;
  } catch (...) {
    thrown_ = std::current_exception();
    return finish(TransferEnd::sink_threw);
  }
}

bool HttpTransfer::pass_on(std::string_view piece) {
  const auto before = ProgressWatchdog::Clock::now();
  watchdog_.received(piece.size(), before);
  sink_(response_, piece);
  watchdog_.spent_by_us(ProgressWatchdog::Clock::now() - before);
  return true;
}

bool HttpTransfer::keep(std::string_view piece) {
  watchdog_.received(piece.size(), ProgressWatchdog::Clock::now());
  const size_t room = request_.body_limit - response_.body.size();
  if (piece.size() <= room) {
    response_.body += piece;
    return true;
  }
  // Of an error page the beginning is enough, and more of it is not waited for.
  response_.body += piece.substr(0, room);
  return finish(TransferEnd::too_large);
}

bool HttpTransfer::on_body(std::string_view piece, long status) noexcept {
  try {
    response_.status = status;
    return sink_ && is_success(status) ? pass_on(piece) : keep(piece);
  } catch (...) {
    thrown_ = std::current_exception();
    return finish(TransferEnd::sink_threw);
  }
}

std::optional<size_t> HttpTransfer::on_read(char* data, size_t size) noexcept {
  try {
    ssize_t count = sys::check(sys::retry_on_signal([&] {
                                 return ::pread(request_.upload.file, data, size,
                                                static_cast<off_t>(sent_bytes_));
                               }),
                               "read", "upload");
    sent_bytes_ += static_cast<uint64_t>(count);
    watchdog_.received(static_cast<size_t>(count), ProgressWatchdog::Clock::now());
    if (request_.sent) request_.sent(sent_bytes_);
    return static_cast<size_t>(count);
  } catch (...) {
    thrown_ = std::current_exception();
    finish(TransferEnd::sink_threw);
    return std::nullopt;
  }
}

bool HttpTransfer::on_tick() noexcept {
  if (stop_.stop_requested()) return finish(TransferEnd::cancelled);
  if (watchdog_.expired(ProgressWatchdog::Clock::now())) return finish(TransferEnd::stalled);
  return true;
}

bool HttpTransfer::on_connected(const char* address) noexcept {
  if (!request_.public_addresses_only || !address) return true;
  if (!is_loopback_host(address) && !is_link_local_address(address)) return true;
  return finish(TransferEnd::forbidden_address);
}

}  // namespace ctr::image
