#include "runtime/oci/log.h"

#include <fcntl.h>

#include <nlohmann/json.hpp>

#include "runtime/sys/error.h"
#include "runtime/sys/file.h"

namespace ctr::runtime::oci {

namespace {

using Json = nlohmann::ordered_json;

constexpr sys::Timestamp second = 1'000'000'000;

// A message may quote what a hostile config.json says: one line, valid UTF-8, and quoted.
std::string quoted(const std::string& text) {
  return Json(text).dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace

std::string format_log_line(LogFormat format, const std::string& level, const std::string& message,
                            sys::Timestamp time) {
  const std::string now = sys::format_timestamp(time - time % second);
  if (format == LogFormat::text)
    return fmt::format("time=\"{}\" level={} msg={}\n", now, level, quoted(message));
  return fmt::format("{{\"level\":\"{}\",\"msg\":{},\"time\":\"{}\"}}\n", level, quoted(message),
                     now);
}

Log::Log(const std::string& path, LogFormat format, bool debug)
    : path_(path), format_(format), is_debug_(debug) {
  if (path_ == "/dev/stderr") path_.clear();
  // Now, so that a path that is wrong is told by whoever still reads our standard error.
  if (!path_.empty())
    (void)sys::open_at(AT_FDCWD, path_, O_WRONLY | O_APPEND | O_CREAT | O_NOCTTY, 0644);
}

void Log::write(const std::string& level, const std::string& message) const noexcept {
  try {
    const std::string line = format_log_line(format_, level, message, sys::now());
    if (path_.empty()) return sys::write_all(STDERR_FILENO, line, "standard error");
    sys::UniqueFd file =
        sys::open_at(AT_FDCWD, path_, O_WRONLY | O_APPEND | O_CREAT | O_NOCTTY, 0644);
    sys::write_all(file.get(), line, path_);
  } catch (const std::exception&) {
    // Nobody is left to tell; the exit status says that something failed.
  }
}

void Log::error(const std::string& message) const noexcept {
  write("error", message);
  if (path_.empty()) return;
  const std::string line = message + "\n";
  (void)!::write(STDERR_FILENO, line.data(), line.size());
}

void Log::warning(const std::string& message) const noexcept { write("warning", message); }

void Log::debug(const std::string& message) const noexcept {
  if (is_debug_) write("debug", message);
}

}  // namespace ctr::runtime::oci
