#include <lzma.h>

#include <string_view>

#include "image/inflate.h"
#include "image/inflate_buffer.h"
#include "runtime/sys/error.h"

namespace ctr::image {

namespace {

using sys::Error;
using sys::ErrorKind;

// The dictionary is memory that the sender makes us take: 64 MiB, those of `xz -9`, and what the decoder
// needs beside them (D01).
constexpr uint64_t memory_limit = 80 << 20;

std::string_view explain(lzma_ret code) {
  switch (code) {
    case LZMA_MEMLIMIT_ERROR:
      return "its dictionary is too large";
    case LZMA_OPTIONS_ERROR:
      return "unsupported options";
    case LZMA_BUF_ERROR:
      return "unexpected end of the stream";
    default:  // the library does not tell one from the other
      return "it is damaged, or other data follows the stream";
  }
}

class XzInflater : public Inflater {
 public:
  explicit XzInflater(Sink sink) : output_(std::move(sink)) {
    if (::lzma_stream_decoder(&stream_, memory_limit, LZMA_CONCATENATED) != LZMA_OK)
      throw Error(ErrorKind::internal, "xz: out of memory");
  }
  ~XzInflater() override { ::lzma_end(&stream_); }
  XzInflater(const XzInflater&) = delete;
  XzInflater& operator=(const XzInflater&) = delete;

  void feed(std::string_view data) override {
    stream_.next_in = reinterpret_cast<const uint8_t*>(data.data());
    stream_.avail_in = data.size();
    while (stream_.avail_in > 0) step(LZMA_RUN);
  }

  void finish() override {
    while (step(LZMA_FINISH) != LZMA_STREAM_END) {
    }
    output_.flush();
  }

 private:
  lzma_ret step(lzma_action action) {
    stream_.next_out = reinterpret_cast<uint8_t*>(output_.space());
    stream_.avail_out = output_.room();
    const size_t room = stream_.avail_out;
    lzma_ret code = ::lzma_code(&stream_, action);
    output_.advance(room - stream_.avail_out);
    if (code != LZMA_OK && code != LZMA_STREAM_END)
      throw Error(ErrorKind::invalid_argument, fmt::format("invalid xz data: {}", explain(code)));
    return code;
  }

  InflateBuffer output_;
  lzma_stream stream_ = LZMA_STREAM_INIT;
};

}  // namespace

std::unique_ptr<Inflater> make_xz_inflater(Inflater::Sink sink) {
  return std::make_unique<XzInflater>(std::move(sink));
}

}  // namespace ctr::image
