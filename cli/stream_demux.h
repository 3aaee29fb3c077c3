// Takes apart the stream of a container without terminal: frames {type, 0, 0, 0, size big-endian}.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace ctr::cli {

enum class OutputStream { standard_output, standard_error };

class StreamDemux {
 public:
  using Sink = std::function<void(OutputStream, std::string_view)>;

  explicit StreamDemux(Sink sink) : sink_(std::move(sink)) {}

  // Hands payloads on as they come, without waiting for whole frames. Throws sys::Error for a frame
  // that is none, and with the daemon's words for an error frame (type 3).
  void feed(std::string_view data);
  // True in the middle of a frame: the stream was cut off.
  bool incomplete() const { return remaining_ > 0 || header_size_ > 0; }

 private:
  void begin_frame();
  void take_payload(std::string_view payload);

  static constexpr size_t header_length = 8;
  static constexpr size_t error_limit = 64 << 10;

  Sink sink_;
  unsigned char header_[header_length] = {};
  size_t header_size_ = 0;
  uint32_t remaining_ = 0;  // of the frame's payload
  std::string error_;       // of a frame of type 3 so far
};

}  // namespace ctr::cli
