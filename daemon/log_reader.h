// Reads a container's log for GET /containers/{id}/logs: what there is, and what comes. The log is
// written by the container's monitor, which knows nothing of its readers; memory is bounded
// whatever is in the files. Runs in: ctrd, on a connection's thread.
#pragma once

#include <poll.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "daemon/log_record.h"
#include "runtime/sys/timestamp.h"

namespace ctr::daemon {

struct LogSelection {
  bool stdout_stream = true;
  bool stderr_stream = true;
  std::optional<uint64_t> tail{};  // the last records of all streams, before the other choices
  std::optional<sys::Timestamp> since{};
  std::optional<sys::Timestamp> until{};
};

struct LogFollow {
  // True once nothing more will be written: asked before the last look at the files.
  std::function<bool()> writer_ended{};
  // Descriptors that end the wait at once: the client's connection (POLLRDHUP), the container's
  // end.
  std::vector<pollfd> wake_on{};
};

// Returns false to stop reading.
using LogSink = std::function<bool(const LogRecord&)>;

// Gives each selected record to `sink`, in order. Without `follow` it ends where the log ended when
// it began; with it, when the writer ended, when `until` has passed, or when the sink stops. `idle`
// is called before each wait, and returns false to stop: the client may be gone. A log that is not
// there is empty. Throws Error{internal} for what is no log (X07).
void read_log(const std::string& path, const LogSelection& selection, const LogSink& sink);
void follow_log(const std::string& path, const LogSelection& selection, const LogFollow& follow,
                const LogSink& sink, const std::function<bool()>& idle);

}  // namespace ctr::daemon
