#include "daemon/logging.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "daemon/api/json.h"
#include "runtime/sys/timestamp.h"

namespace ctr::daemon {

namespace {

std::string_view level_name(LogLevel level) {
  switch (level) {
    case LogLevel::debug:
      return "debug";
    case LogLevel::info:
      return "info";
    case LogLevel::warn:
      return "warning";
    case LogLevel::error:
      return "error";
  }
  return "error";
}

spdlog::level::level_enum spdlog_level(LogLevel level) {
  switch (level) {
    case LogLevel::debug:
      return spdlog::level::debug;
    case LogLevel::info:
      return spdlog::level::info;
    case LogLevel::warn:
      return spdlog::level::warn;
    case LogLevel::error:
      return spdlog::level::err;
  }
  return spdlog::level::err;
}

bool is_plain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("-._/@^+:,").find(c) != std::string_view::npos;
}

std::string quote_if_needed(std::string_view text) {
  if (!text.empty() && std::all_of(text.begin(), text.end(), is_plain)) return std::string(text);
  return dump_json(std::string(text));
}

struct Output {
  LogFormat format = LogFormat::text;
  std::shared_ptr<spdlog::logger> logger =
      std::make_shared<spdlog::logger>("ctrd", std::make_shared<spdlog::sinks::stderr_sink_mt>());
  Output() { logger->set_pattern("%v"); }
};

Output& output() {
  static Output output;
  return output;
}

}  // namespace

std::optional<LogLevel> find_log_level(std::string_view name) {
  if (name == "debug" || name == "trace") return LogLevel::debug;
  if (name == "info") return LogLevel::info;
  if (name == "warn" || name == "warning") return LogLevel::warn;
  if (name == "error" || name == "fatal" || name == "panic") return LogLevel::error;
  return std::nullopt;
}

void configure_log(LogLevel level, LogFormat format) {
  output().format = format;
  output().logger->set_level(spdlog_level(level));
}

bool log_enabled(LogLevel level) {
  return output().logger->should_log(spdlog_level(level));
}

void log(LogLevel level, std::string_view message, LogFields fields) {
  if (!log_enabled(level)) return;
  std::string time = sys::format_timestamp_fixed(sys::now());
  std::string line = format_log_line(output().format, time, level, message, fields);
  output().logger->log(spdlog_level(level), spdlog::string_view_t(line.data(), line.size()));
}

std::string format_log_line(LogFormat format, std::string_view time, LogLevel level,
                            std::string_view message, LogFields fields) {
  if (format == LogFormat::json) {
    nlohmann::ordered_json line{{"time", time}, {"level", level_name(level)}, {"msg", message}};
    for (const auto& [name, value] : fields) line[std::string(name)] = value;
    return line.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
  }
  std::string line = fmt::format("time=\"{}\" level={} msg={}", time, level_name(level),
                                 dump_json(std::string(message)));
  for (const auto& [name, value] : fields) line += fmt::format(" {}={}", name, quote_if_needed(value));
  return line;
}

}  // namespace ctr::daemon
