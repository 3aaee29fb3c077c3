#include "cli/stream_demux.h"

#include <algorithm>

#include "runtime/sys/error.h"

namespace ctr::cli {

namespace {
constexpr unsigned char error_type = 3;
}

void StreamDemux::feed(std::string_view data) {
  while (!data.empty()) {
    if (remaining_ > 0) {
      size_t size = std::min<size_t>(remaining_, data.size());
      remaining_ -= static_cast<uint32_t>(size);
      take_payload(data.substr(0, size));
      data.remove_prefix(size);
      continue;
    }
    size_t missing = std::min(header_length - header_size_, data.size());
    std::copy_n(data.data(), missing, header_ + header_size_);
    header_size_ += missing;
    data.remove_prefix(missing);
    if (header_size_ == header_length) begin_frame();
  }
}

void StreamDemux::begin_frame() {
  header_size_ = 0;
  if (header_[0] > error_type || header_[1] || header_[2] || header_[3])
    throw sys::Error(sys::ErrorKind::unavailable,
                     "the daemon's stream is not framed as it should be; is it another program's "
                     "socket?");
  remaining_ = uint32_t{header_[4]} << 24 | uint32_t{header_[5]} << 16 | uint32_t{header_[6]} << 8 |
               uint32_t{header_[7]};
}

void StreamDemux::take_payload(std::string_view payload) {
  if (header_[0] != error_type) {
    sink_(header_[0] == 2 ? OutputStream::standard_error : OutputStream::standard_output, payload);
    return;
  }
  error_ += payload.substr(0, error_limit - std::min(error_limit, error_.size()));
  if (remaining_ == 0)
    throw sys::Error(sys::ErrorKind::internal, "error from the daemon in the stream: " + error_);
}

}  // namespace ctr::cli
