#include "image/byte_queue.h"

namespace ctr::image {

namespace {
constexpr size_t joined_piece_size = 128 << 10;
}

void ByteQueue::push(std::string piece) {
  if (piece.empty()) return;
  std::unique_lock guard(lock_);
  changed_.wait(guard, [&] { return failure_ || bytes_ < limit_; });
  if (failure_) std::rethrow_exception(failure_);
  bytes_ += piece.size();
  // A network gives pieces of a few kilobytes: taken together they cost fewer hand-overs.
  if (!pieces_.empty() && pieces_.back().size() + piece.size() <= joined_piece_size)
    pieces_.back() += piece;
  else
    pieces_.push_back(std::move(piece));
  changed_.notify_all();
}

std::optional<std::string> ByteQueue::pop() {
  std::unique_lock guard(lock_);
  changed_.wait(guard, [&] { return failure_ || finished_ || !pieces_.empty(); });
  if (failure_) std::rethrow_exception(failure_);
  if (pieces_.empty()) return std::nullopt;
  std::string piece = std::move(pieces_.front());
  pieces_.pop_front();
  bytes_ -= piece.size();
  changed_.notify_all();
  return piece;
}

void ByteQueue::finish() {
  std::lock_guard guard(lock_);
  finished_ = true;
  changed_.notify_all();
}

void ByteQueue::fail(std::exception_ptr reason) noexcept {
  std::lock_guard guard(lock_);
  if (!failure_) failure_ = std::move(reason);
  pieces_.clear();
  bytes_ = 0;
  changed_.notify_all();
}

}  // namespace ctr::image
