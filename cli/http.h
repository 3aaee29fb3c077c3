// The part of HTTP/1.1 that a client of the Engine API needs: a response's head, and its body by
// length, by chunks or to the end of the connection. Pure but for the reader that it is given.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ctr::cli {

struct ResponseHead {
  int status = 0;
  std::vector<std::pair<std::string, std::string>> headers;  // names in lower case

  // `name` in lower case; the first value.
  std::optional<std::string> header(std::string_view name) const;
  bool keep_alive() const;
};

struct Response {
  int status = 0;
  ResponseHead head;
  std::string body;
};

inline constexpr size_t head_limit = 64 << 10;
inline constexpr size_t body_limit = 64 << 20;

// Where the head ends in `data` (behind the empty line), or nullopt if it has not come yet.
std::optional<size_t> find_head_end(std::string_view data);
// Throws sys::Error for anything that is no HTTP/1.x response.
ResponseHead parse_response_head(std::string_view head);

// Reads a body whose bytes come from `source` (blocking; 0 at the end of the connection).
class BodyReader {
 public:
  using Source = std::function<size_t(char* data, size_t size)>;

  BodyReader(const ResponseHead& head, std::string preread);

  // The next bytes, 0 at the end. Throws sys::Error if the connection ends too early.
  size_t read(char* data, size_t size, const Source& source);
  // Whether a part of the body is here that read() has not given yet: the end of a chunk is none, and
  // who waits for what follows it may wait for long.
  bool has_buffered() const { return buffer_.size() > (framing_ == Framing::chunk_end ? 2 : 0); }
  bool complete() const { return framing_ == Framing::finished; }

 private:
  enum class Framing { length, chunk_size, chunk_data, chunk_end, trailer, to_end, finished };

  size_t take(char* data, size_t size, const Source& source);
  std::string read_line(const Source& source);
  void next_chunk(const Source& source);

  Framing framing_;
  uint64_t remaining_ = 0;  // of the body or the chunk
  std::string buffer_;
};

}  // namespace ctr::cli
