#include "runtime/monitor/log_writer.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "runtime/sys/error.h"
#include "runtime/sys/file.h"

namespace ctr::runtime {

namespace {

// The length of the valid UTF-8 sequence at the beginning of `text`, or 0.
size_t sequence_length(std::string_view text) {
  auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  unsigned char first = byte(0);
  size_t length = first < 0x80                    ? 1
                  : first >= 0xc2 && first < 0xe0 ? 2
                  : first >= 0xe0 && first < 0xf0 ? 3
                  : first >= 0xf0 && first < 0xf5 ? 4
                                                  : 0;
  if (length == 0 || text.size() < length) return 0;
  for (size_t i = 1; i < length; ++i)
    if ((byte(i) & 0xc0) != 0x80) return 0;
  // Overlong forms, surrogates, and what is beyond U+10FFFF.
  if ((first == 0xe0 && byte(1) < 0xa0) || (first == 0xed && byte(1) > 0x9f) ||
      (first == 0xf0 && byte(1) < 0x90) || (first == 0xf4 && byte(1) > 0x8f))
    return 0;
  return length;
}

void append_escaped(std::string& json, unsigned char c) {
  static constexpr char digits[] = "0123456789abcdef";
  switch (c) {
    case '"':
      json += "\\\"";
      return;
    case '\\':
      json += "\\\\";
      return;
    case '\n':
      json += "\\n";
      return;
    case '\r':
      json += "\\r";
      return;
    case '\t':
      json += "\\t";
      return;
    default:
      // Control characters, and <, >, & as Go's encoder does, so that the files are the same.
      json += "\\u00";
      json += digits[c >> 4];
      json += digits[c & 15];
  }
}

bool is_plain(unsigned char c) {
  return c >= 0x20 && c < 0x80 && c != '"' && c != '\\' && c != '<' && c != '>' && c != '&';
}

// What can be copied as it is: most of any log.
size_t plain_length(std::string_view text) {
  size_t length = 0;
  while (length < text.size() && is_plain(static_cast<unsigned char>(text[length]))) ++length;
  return length;
}

}  // namespace

std::string format_log_line(std::string_view text, Stream stream, sys::Timestamp time,
                            const std::string& attributes) {
  std::string json = "{\"log\":\"";
  json.reserve(text.size() + 96);
  while (true) {
    size_t plain = plain_length(text);
    json += text.substr(0, plain);
    text.remove_prefix(plain);
    if (text.empty()) break;
    size_t length = sequence_length(text);
    if (length == 0)
      json += "\\ufffd";
    else if (length == 1)
      append_escaped(json, static_cast<unsigned char>(text[0]));
    else
      json += text.substr(0, length);
    text.remove_prefix(std::max<size_t>(length, 1));
  }
  json +=
      stream == Stream::standard_error ? "\",\"stream\":\"stderr\"" : "\",\"stream\":\"stdout\"";
  if (!attributes.empty()) json += ",\"attrs\":" + attributes;
  json += ",\"time\":\"" + sys::format_timestamp(time) + "\"}\n";
  return json;
}

LogWriter::LogWriter(LogConfig config) : config_(std::move(config)) {
  open();
}

void LogWriter::open() {
  if (config_.path.empty()) return;
  // O_NOFOLLOW: the file lies in a directory that only root can write, and yet (attack X07).
  file_.reset(
      ::open(config_.path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640));
  struct stat status {};
  size_ = file_ && ::fstat(file_.get(), &status) == 0 ? static_cast<uint64_t>(status.st_size) : 0;
}

void LogWriter::write(Stream stream, std::string_view output) {
  if (config_.path.empty()) return;
  std::string batch;
  size_t lines = 0;
  std::string& rest = partial(stream);
  while (!output.empty()) {
    size_t end = output.find('\n');
    size_t length = end == std::string_view::npos ? output.size() : end + 1;
    length = std::min(length, piece_limit - rest.size());
    rest.append(output.substr(0, length));
    output.remove_prefix(length);
    if (rest.back() != '\n' && rest.size() < piece_limit) break;
    append(stream, rest, batch);
    rest.clear();
    ++lines;
    if (config_.max_size != 0 && size_ + batch.size() >= config_.max_size) {
      commit(batch, lines);
      batch.clear();
      lines = 0;
    }
  }
  commit(batch, lines);
}

void LogWriter::append(Stream stream, std::string_view text, std::string& batch) {
  batch += format_log_line(text, stream, sys::now(), config_.attributes);
}

void LogWriter::flush() {
  for (Stream stream : {Stream::standard_output, Stream::standard_error}) {
    std::string& rest = partial(stream);
    if (rest.empty()) continue;
    std::string batch;
    append(stream, rest, batch);
    rest.clear();
    commit(batch, 1);
  }
}

void LogWriter::commit(const std::string& batch, size_t lines) {
  if (batch.empty()) return;
  if (!file_) open();
  ssize_t written =
      file_ ? sys::retry_on_signal([&] { return ::write(file_.get(), batch.data(), batch.size()); })
            : -1;
  if (written != static_cast<ssize_t>(batch.size())) {
    // A torn line would hide the next one from readers: take it back.
    if (written > 0) (void)!::ftruncate(file_.get(), static_cast<off_t>(size_));
    if (lost_lines_ == 0)
      ::dprintf(STDERR_FILENO, "log lines are being lost: %s: %s\n", config_.path.c_str(),
                sys::errno_text(errno).c_str());
    lost_lines_ += lines;
    return;
  }
  size_ += batch.size();
  if (config_.max_size != 0 && size_ >= config_.max_size) rotate();
}

void LogWriter::rotate() {
  auto name = [&](uint32_t number) {
    return number == 0 ? config_.path : config_.path + "." + std::to_string(number);
  };
  if (config_.max_files <= 1) {
    // One file only: it begins anew. Followers see it shrink.
    if (::ftruncate(file_.get(), 0) == 0) size_ = 0;
    return;
  }
  for (uint32_t number = config_.max_files - 1; number > 0; --number)
    ::rename(name(number - 1).c_str(), name(number).c_str());
  open();
}

}  // namespace ctr::runtime
