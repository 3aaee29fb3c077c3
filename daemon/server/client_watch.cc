#include "daemon/server/client_watch.h"

#include <poll.h>
#include <sys/eventfd.h>

#include "runtime/sys/error.h"

namespace ctr::daemon {

ClientWatch::ClientWatch(const Exchange& exchange)
    : end_(sys::check(::eventfd(0, EFD_CLOEXEC), "eventfd")) {
  thread_ = std::thread([this, connection = exchange.descriptor()] {
    pollfd items[2] = {{connection, POLLRDHUP, 0}, {end_.get(), POLLIN, 0}};
    while (::poll(items, 2, -1) < 0 && errno == EINTR) {
    }
    if (items[0].revents != 0) gone_.request_stop();
  });
}

ClientWatch::~ClientWatch() {
  ::eventfd_write(end_.get(), 1);
  thread_.join();
}

}  // namespace ctr::daemon
