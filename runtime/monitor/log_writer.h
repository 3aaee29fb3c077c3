// The container's log in Docker's json-file form: {"log":"text\n","stream":"stdout","time":"…"} a
// line, in files that are rotated: path is the newest, path.1 older, and so on. runs in:
// ctr-monitor; ctrd only reads the files.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "runtime/monitor_protocol.h"
#include "runtime/sys/unique_fd.h"

namespace ctr::runtime {

enum class Stream : uint8_t { standard_output = 1, standard_error = 2 };  // the numbers of a frame

// One line of the log. `text` holds its own line end, if it has one; bytes that are not UTF-8
// become U+FFFD. Pure.
std::string format_log_line(std::string_view text, Stream stream, sys::Timestamp time,
                            const std::string& attributes);

class LogWriter {
 public:
  explicit LogWriter(LogConfig config);

  // Takes output as it came: cuts it into lines; a line longer than 16 KiB is written in pieces
  // without line end. Never throws: a full disk loses log lines (they are counted), not the
  // container (L19).
  void write(Stream stream, std::string_view output);
  // What came without a line end: at the end of a stream.
  void flush();
  uint64_t lost_lines() const { return lost_lines_; }

 private:
  static constexpr size_t piece_limit = 16384;
  std::string& partial(Stream stream) { return partial_[stream == Stream::standard_error ? 1 : 0]; }
  void append(Stream stream, std::string_view text, std::string& batch);
  void commit(const std::string& batch, size_t lines);
  void open();
  void rotate();

  LogConfig config_;
  sys::UniqueFd file_;
  uint64_t size_ = 0;
  std::string partial_[2];
  uint64_t lost_lines_ = 0;
};

}  // namespace ctr::runtime
