// gzip by ISA-L's igzip (1.6 times zlib's speed) and by zlib where ISA-L is not built in.
#include <zlib.h>

#ifdef CTR_HAVE_ISAL
#include <isa-l/igzip_lib.h>
#endif

#include <algorithm>
#include <limits>
#include <memory>

#include "image/inflate.h"
#include "image/inflate_buffer.h"
#include "runtime/sys/error.h"

namespace ctr::image {

namespace {

using sys::Error;
using sys::ErrorKind;

[[noreturn]] void fail(std::string_view why) {
  throw Error(ErrorKind::invalid_argument, fmt::format("invalid gzip data: {}", why));
}

// What both libraries share: one member after another until the input ends. A derived class decodes
// one step: it consumes from `input`, writes into the buffer, and tells whether a member ended.
class GzipInflater : public Inflater {
 public:
  void feed(std::string_view input) override {
    while (!input.empty()) {
      if (at_boundary_) begin_member(input);
      at_boundary_ = step(input);
    }
    // The decoder may hold output that did not fit: it comes with the next step, and a step with no
    // input is one too.
  }
  void finish() override {
    std::string_view nothing;
    while (!at_boundary_) {
      uint64_t before = produced_;
      at_boundary_ = step(nothing);
      if (!at_boundary_ && produced_ == before) fail("unexpected end of the stream");
    }
    output_.flush();
  }

 protected:
  explicit GzipInflater(Sink sink) : output_(std::move(sink)) {}
  virtual bool step(std::string_view& input) = 0;
  virtual void reset() = 0;
  void produced(size_t count) {
    produced_ += count;
    output_.advance(count);
  }

  InflateBuffer output_;

 private:
  // Padding or garbage after the last member is refused, as Go's reader does: nobody means it.
  void begin_member(std::string_view input) {
    if (input[0] != '\x1f') fail("trailing data after the stream");
    reset();
  }

  bool at_boundary_ = true;
  uint64_t produced_ = 0;
};

class ZlibInflater : public GzipInflater {
 public:
  explicit ZlibInflater(Sink sink) : GzipInflater(std::move(sink)) {
    constexpr int gzip_only = 16;
    if (::inflateInit2(&stream_, MAX_WBITS + gzip_only) != Z_OK)
      throw Error(ErrorKind::internal, "zlib: out of memory");
  }
  ~ZlibInflater() override { ::inflateEnd(&stream_); }
  ZlibInflater(const ZlibInflater&) = delete;
  ZlibInflater& operator=(const ZlibInflater&) = delete;

 private:
  void reset() override { ::inflateReset(&stream_); }

  bool step(std::string_view& input) override {
    size_t offered = std::min<size_t>(input.size(), std::numeric_limits<uInt>::max());
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(input.data()));
    stream_.avail_in = static_cast<uInt>(offered);
    stream_.next_out = reinterpret_cast<Bytef*>(output_.space());
    size_t room = output_.room();
    stream_.avail_out = static_cast<uInt>(room);
    int code = ::inflate(&stream_, Z_NO_FLUSH);
    input.remove_prefix(offered - stream_.avail_in);
    produced(room - stream_.avail_out);
    if (code != Z_OK && code != Z_STREAM_END && code != Z_BUF_ERROR)
      fail(stream_.msg != nullptr ? stream_.msg : "damaged stream");
    return code == Z_STREAM_END;
  }

  z_stream stream_{};
};

#ifdef CTR_HAVE_ISAL

std::string_view reason(int code) {
  switch (code) {
    case ISAL_INVALID_WRAPPER:
      return "incorrect header";
    case ISAL_UNSUPPORTED_METHOD:
      return "unknown compression method";
    case ISAL_INCORRECT_CHECKSUM:
      return "incorrect checksum";
    default:
      return "damaged stream";
  }
}

class IsalInflater : public GzipInflater {
 public:
  explicit IsalInflater(Sink sink)
      : GzipInflater(std::move(sink)), state_(std::make_unique<inflate_state>()) {
    ::isal_inflate_init(state_.get());
  }

 private:
  void reset() override {
    ::isal_inflate_reset(state_.get());
    state_->crc_flag = ISAL_GZIP;
  }

  bool step(std::string_view& input) override {
    size_t offered = std::min<size_t>(input.size(), std::numeric_limits<uint32_t>::max());
    state_->next_in = reinterpret_cast<uint8_t*>(const_cast<char*>(input.data()));
    state_->avail_in = static_cast<uint32_t>(offered);
    state_->next_out = reinterpret_cast<uint8_t*>(output_.space());
    size_t room = output_.room();
    state_->avail_out = static_cast<uint32_t>(room);
    int code = ::isal_inflate(state_.get());
    if (code != ISAL_DECOMP_OK) fail(reason(code));
    size_t consumed = offered - state_->avail_in;
    size_t count = room - state_->avail_out;
    bool ended = state_->block_state == ISAL_BLOCK_FINISH;
    if (consumed == 0 && count == 0 && !ended && offered > 0) fail("damaged stream");
    input.remove_prefix(consumed);
    produced(count);
    return ended;
  }

  std::unique_ptr<inflate_state> state_;  // 80 KiB
};

#endif

}  // namespace

std::unique_ptr<Inflater> make_gzip_inflater(Inflater::Sink sink, GzipLibrary library) {
#ifdef CTR_HAVE_ISAL
  if (library == GzipLibrary::fastest) return std::make_unique<IsalInflater>(std::move(sink));
#else
  (void)library;
#endif
  return std::make_unique<ZlibInflater>(std::move(sink));
}

}  // namespace ctr::image
