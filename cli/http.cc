#include "cli/http.h"

#include <algorithm>
#include <charconv>

#include "runtime/sys/error.h"

namespace ctr::cli {

namespace {

using sys::Error;
using sys::ErrorKind;

[[noreturn]] void malformed(std::string_view what) {
  throw Error(ErrorKind::unavailable,
              fmt::format("the daemon's answer is not valid HTTP: {}", what));
}

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return result;
}

std::string_view trimmed(std::string_view text) {
  size_t begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

template <class Number>
Number parse_number(std::string_view text, int base, std::string_view what) {
  Number number{};
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, base);
  if (error != std::errc() || end != text.data() + text.size())
    malformed(fmt::format("{} '{}'", what, text));
  return number;
}

bool has_no_body(int status) {
  return status / 100 == 1 || status == 204 || status == 304;
}

}  // namespace

std::optional<std::string> ResponseHead::header(std::string_view name) const {
  for (const auto& [key, value] : headers)
    if (key == name) return value;
  return std::nullopt;
}

bool ResponseHead::keep_alive() const {
  std::optional<std::string> connection = header("connection");
  return !connection || lower(*connection) != "close";
}

std::optional<size_t> find_head_end(std::string_view data) {
  size_t end = data.find("\r\n\r\n");
  if (end != std::string_view::npos) return end + 4;
  if (data.size() > head_limit) malformed("its header is too large");
  return std::nullopt;
}

ResponseHead parse_response_head(std::string_view head) {
  size_t end = head.find("\r\n");
  std::string_view first = head.substr(0, end);
  if (first.size() < 12 || !first.starts_with("HTTP/1.") || first[8] != ' ')
    malformed(fmt::format("it begins with '{}'", first.substr(0, 40)));
  ResponseHead result;
  result.status = parse_number<int>(first.substr(9, 3), 10, "status");
  while (end != std::string_view::npos) {
    head.remove_prefix(end + 2);
    end = head.find("\r\n");
    std::string_view line = head.substr(0, end);
    size_t colon = line.find(':');
    if (line.empty()) continue;
    if (colon == std::string_view::npos) malformed(fmt::format("header line '{}'", line));
    result.headers.emplace_back(lower(line.substr(0, colon)), trimmed(line.substr(colon + 1)));
  }
  return result;
}

BodyReader::BodyReader(const ResponseHead& head, std::string preread)
    : framing_(Framing::to_end), buffer_(std::move(preread)) {
  if (has_no_body(head.status)) {
    framing_ = Framing::finished;
  } else if (auto encoding = head.header("transfer-encoding"); encoding) {
    if (lower(*encoding) != "chunked") malformed(fmt::format("transfer encoding '{}'", *encoding));
    framing_ = Framing::chunk_size;
  } else if (auto length = head.header("content-length"); length) {
    remaining_ = parse_number<uint64_t>(*length, 10, "content length");
    framing_ = remaining_ == 0 ? Framing::finished : Framing::length;
  }
}

size_t BodyReader::take(char* data, size_t size, const Source& source) {
  if (buffer_.empty()) return source(data, size);
  size_t taken = std::min(size, buffer_.size());
  std::copy_n(buffer_.data(), taken, data);
  buffer_.erase(0, taken);
  return taken;
}

std::string BodyReader::read_line(const Source& source) {
  while (true) {
    size_t end = buffer_.find("\r\n");
    if (end != std::string::npos) {
      std::string line = buffer_.substr(0, end);
      buffer_.erase(0, end + 2);
      return line;
    }
    if (buffer_.size() > head_limit) malformed("a line of its body's frame is too long");
    char data[4096];
    size_t size = source(data, sizeof data);
    if (size == 0) malformed("it ends in the middle");
    buffer_.append(data, size);
  }
}

// Moves on to a chunk with data, or to the end.
void BodyReader::next_chunk(const Source& source) {
  if (framing_ == Framing::chunk_end) {
    if (!read_line(source).empty()) malformed("a chunk is longer than it says");
    framing_ = Framing::chunk_size;
  }
  if (framing_ == Framing::chunk_size) {
    std::string line = read_line(source);
    std::string_view size = trimmed(std::string_view(line).substr(0, line.find(';')));
    remaining_ = parse_number<uint64_t>(size, 16, "chunk size");
    framing_ = remaining_ == 0 ? Framing::trailer : Framing::chunk_data;
  }
  if (framing_ == Framing::trailer) {
    while (!read_line(source).empty()) {
    }
    framing_ = Framing::finished;
  }
}

size_t BodyReader::read(char* data, size_t size, const Source& source) {
  if (framing_ == Framing::to_end) {
    size_t got = take(data, size, source);
    if (got == 0) framing_ = Framing::finished;
    return got;
  }
  if (framing_ != Framing::length && framing_ != Framing::chunk_data) next_chunk(source);
  if (framing_ == Framing::finished) return 0;
  size_t got = take(data, static_cast<size_t>(std::min<uint64_t>(size, remaining_)), source);
  if (got == 0) malformed("it ends in the middle");
  remaining_ -= got;
  if (remaining_ == 0)
    framing_ = framing_ == Framing::length ? Framing::finished : Framing::chunk_end;
  return got;
}

}  // namespace ctr::cli
