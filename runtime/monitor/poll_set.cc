#include "runtime/monitor/poll_set.h"

#include "runtime/sys/error.h"

namespace ctr::runtime {

void PollSet::add(int fd, short events, Handler handler) {
  items_.push_back({fd, events, 0});
  handlers_.push_back(std::move(handler));
}

bool PollSet::wait(int timeout) {
  int ready = ::poll(items_.data(), items_.size(), timeout);
  if (ready < 0 && errno != EINTR) sys::throw_errno(errno, "poll", {});
  const bool any = ready > 0;
  for (size_t i = 0; i < items_.size() && ready > 0; ++i) {
    if (items_[i].revents == 0) continue;
    --ready;
    handlers_[i](items_[i].revents);
  }
  return any;
}

}  // namespace ctr::runtime
