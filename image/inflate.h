// Decompression of a layer's stream, a piece at a time, with bounded memory.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace ctr::image {

enum class Compression { none, gzip, zstd, bzip2, xz };

// Looks at the first bytes; compression_magic_size of them decide.
inline constexpr size_t compression_magic_size = 10;
Compression detect_compression(std::string_view start);

// Turns pieces of a compressed stream into pieces of the plain one. After an exception it must not
// be used again. Malformed input throws Error{invalid_argument}.
class Inflater {
 public:
  // Takes over a piece of up to inflated_piece_size bytes; what it throws comes out of feed().
  using Sink = std::function<void(std::string)>;

  virtual ~Inflater() = default;
  virtual void feed(std::string_view compressed) = 0;
  // The end of the input: throws if the stream is not complete.
  virtual void finish() = 0;
};
inline constexpr size_t inflated_piece_size = 256 << 10;

// Finds out the compression by the first bytes.
std::unique_ptr<Inflater> make_inflater(Inflater::Sink sink);

// A pulling source of plain bytes over a pulling source of compressed ones. Both give the stream's
// next piece, valid until the next call; empty at the end.
class InflatingSource {
 public:
  explicit InflatingSource(std::function<std::string_view()> source);
  std::string_view next();

 private:
  std::function<std::string_view()> source_;
  std::deque<std::string> ready_;  // the first was handed out
  std::unique_ptr<Inflater> inflater_;
  bool ended_ = false;
};

// The parts. Any number of gzip members, zstd frames, or xz or bzip2 streams, one after another (pigz,
// eStargz, …).
enum class GzipLibrary { fastest, zlib };
std::unique_ptr<Inflater> make_gzip_inflater(Inflater::Sink sink, GzipLibrary library);
std::unique_ptr<Inflater> make_zstd_inflater(Inflater::Sink sink);
std::unique_ptr<Inflater> make_bzip2_inflater(Inflater::Sink sink);
std::unique_ptr<Inflater> make_xz_inflater(Inflater::Sink sink);
std::unique_ptr<Inflater> make_plain_inflater(Inflater::Sink sink);

}  // namespace ctr::image
