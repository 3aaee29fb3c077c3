// One line of a container's log as ctr-monitor writes it, Docker's json-file format. Pure.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "runtime/sys/timestamp.h"

namespace ctr::daemon {

struct LogRecord {
  std::string text;  // with its line end, unless the program's line was longer than one record
  bool is_stderr = false;
  sys::Timestamp time = sys::zero_time;
  std::map<std::string, std::string> attributes{};
};

// nullopt for a line that is torn or foreign. Bytes that are no UTF-8 are taken as they are. Of a
// line that a crash tore and the next writer went on with, the whole record at its end is found.
std::optional<LogRecord> parse_log_record(std::string_view line);

// What `docker logs --timestamps --details` writes before the text:
// "2006-01-02T15:04:05.000000000Z tier=front,zone=a ".
std::string log_record_prefix(const LogRecord& record, bool timestamps, bool details);

}  // namespace ctr::daemon
