#include <zstd.h>

#include <memory>

#include "image/inflate.h"
#include "image/inflate_buffer.h"
#include "runtime/sys/error.h"

namespace ctr::image {

namespace {

using sys::Error;
using sys::ErrorKind;

// The window is memory that the sender makes us take: 64 MiB allow every level up to 19 and most of
// `--long`, and three layers at a time stay below 200 MB (D01).
constexpr int window_log_limit = 26;

class ZstdInflater : public Inflater {
 public:
  explicit ZstdInflater(Sink sink) : output_(std::move(sink)), stream_(::ZSTD_createDStream()) {
    if (!stream_) throw Error(ErrorKind::internal, "zstd: out of memory");
    expect(::ZSTD_DCtx_setParameter(stream_.get(), ZSTD_d_windowLogMax, window_log_limit));
  }

  void feed(std::string_view data) override {
    ZSTD_inBuffer input{data.data(), data.size(), 0};
    while (input.pos < input.size) step(input);
  }

  void finish() override {
    ZSTD_inBuffer nothing{nullptr, 0, 0};
    while (wanted_ != 0)
      if (step(nothing) == 0)
        throw Error(ErrorKind::invalid_argument, "invalid zstd data: unexpected end of the stream");
    output_.flush();
  }

 private:
  struct Free {
    void operator()(ZSTD_DStream* stream) const { ::ZSTD_freeDStream(stream); }
  };

  static size_t expect(size_t code) {
    if (::ZSTD_isError(code) != 0)
      throw Error(ErrorKind::invalid_argument,
                  fmt::format("invalid zstd data: {}", ::ZSTD_getErrorName(code)));
    return code;
  }

  size_t step(ZSTD_inBuffer& input) {
    ZSTD_outBuffer output{output_.space(), output_.room(), 0};
    wanted_ = expect(::ZSTD_decompressStream(stream_.get(), &output, &input));
    output_.advance(output.pos);
    return output.pos;
  }

  InflateBuffer output_;
  std::unique_ptr<ZSTD_DStream, Free> stream_;
  size_t wanted_ = 0;  // 0 between frames
};

}  // namespace

std::unique_ptr<Inflater> make_zstd_inflater(Inflater::Sink sink) {
  return std::make_unique<ZstdInflater>(std::move(sink));
}

}  // namespace ctr::image
