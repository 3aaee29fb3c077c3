// Where an error of ctr-runtime goes: the one place of this program that says something. The forms
// are runc's, because conmon, podman and containerd's shim read them back from the file.
#pragma once

#include <string>

#include "runtime/sys/timestamp.h"

namespace ctr::runtime::oci {

enum class LogFormat { text, json };

// {"level":"error","msg":"…","time":"2026-01-02T03:04:05Z"}, or time="…" level=error msg="…"; with the
// newline. Pure.
std::string format_log_line(LogFormat format, const std::string& level, const std::string& message,
                            sys::Timestamp time);

class Log {
 public:
  Log() = default;
  // An empty path is standard error. The file is appended to. Error{…} if it cannot be opened.
  Log(const std::string& path, LogFormat format, bool debug);

  // To the file; to standard error as well, as a plain line, if the log is a file.
  void error(const std::string& message) const noexcept;
  void warning(const std::string& message) const noexcept;
  // Only with --debug.
  void debug(const std::string& message) const noexcept;

 private:
  void write(const std::string& level, const std::string& message) const noexcept;

  std::string path_;
  LogFormat format_ = LogFormat::text;
  bool is_debug_ = false;
};

}  // namespace ctr::runtime::oci
