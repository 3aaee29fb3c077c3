// The daemon's log: one structured line a transition on stderr, as dockerd's is:
//   time="2024-05-01T12:00:00.123456789Z" level=info msg="container started" id=4f2a…
// As global as stderr itself is; its level is set once by main. Thread-safe.
#pragma once

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace ctr::daemon {

enum class LogLevel { debug, info, warn, error };

// "debug", "info", "warn", "error"; dockerd's "trace" and "fatal" are the nearest of these.
std::optional<LogLevel> find_log_level(std::string_view name);

enum class LogFormat { text, json };
void configure_log(LogLevel level, LogFormat format);

using LogField = std::pair<std::string_view, std::string>;
using LogFields = std::initializer_list<LogField>;

bool log_enabled(LogLevel level);
void log(LogLevel level, std::string_view message, LogFields fields = {});
inline void log_debug(std::string_view message, LogFields fields = {}) {
  log(LogLevel::debug, message, fields);
}
inline void log_info(std::string_view message, LogFields fields = {}) {
  log(LogLevel::info, message, fields);
}
inline void log_warn(std::string_view message, LogFields fields = {}) {
  log(LogLevel::warn, message, fields);
}
inline void log_error(std::string_view message, LogFields fields = {}) {
  log(LogLevel::error, message, fields);
}

// One line without its end; pure. Values with anything but plain characters are quoted, so that
// what a client wrote cannot begin a line of its own.
std::string format_log_line(LogFormat format, std::string_view time, LogLevel level,
                            std::string_view message, LogFields fields);

}  // namespace ctr::daemon
