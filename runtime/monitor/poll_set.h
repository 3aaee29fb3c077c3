// poll(2) over whatever the monitor waits for at the moment. Rebuilt for each round: a monitor
// watches a handful of descriptors, and a list that is made anew cannot go stale. runs in:
// ctr-monitor, its only thread.
#pragma once

#include <poll.h>

#include <functional>
#include <vector>

namespace ctr::runtime {

class PollSet {
 public:
  using Handler = std::function<void(short events)>;
  // Errors and hang-ups are always reported, also with events == 0.
  void add(int fd, short events, Handler handler);
  // Waits (milliseconds; -1: for ever) and calls the handlers of what is ready; false if nothing was.
  bool wait(int timeout);

 private:
  std::vector<pollfd> items_;
  std::vector<Handler> handlers_;
};

}  // namespace ctr::runtime
