// A bounded queue of pieces of a stream, between two threads of a pipeline.
#pragma once

#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <optional>
#include <string>

namespace ctr::image {

// One thread pushes, one pops. fail() may come from any side, or from a third: both ends then throw
// it.
class ByteQueue {
 public:
  explicit ByteQueue(size_t limit) : limit_(limit) {}

  // Blocks while more than the limit waits.
  void push(std::string piece);
  // Blocks for the next piece; nullopt at the end of the stream.
  std::optional<std::string> pop();
  void finish();
  // The first reason counts; what waits is dropped.
  void fail(std::exception_ptr reason) noexcept;

 private:
  const size_t limit_;
  std::mutex lock_;
  std::condition_variable changed_;
  std::deque<std::string> pieces_;
  size_t bytes_ = 0;
  bool finished_ = false;
  std::exception_ptr failure_;
};

}  // namespace ctr::image
