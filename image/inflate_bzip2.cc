#include <bzlib.h>

#include <string_view>

#include "image/inflate.h"
#include "image/inflate_buffer.h"
#include "runtime/sys/error.h"

namespace ctr::image {

namespace {

using sys::Error;
using sys::ErrorKind;

Error invalid(std::string_view why) {
  return {ErrorKind::invalid_argument, fmt::format("invalid bzip2 data: {}", why)};
}

// Streams one after another, as parallel compressors write them, each with a decoder of its own.
class Bzip2Inflater : public Inflater {
 public:
  explicit Bzip2Inflater(Sink sink) : output_(std::move(sink)) {}
  ~Bzip2Inflater() override { end(); }
  Bzip2Inflater(const Bzip2Inflater&) = delete;
  Bzip2Inflater& operator=(const Bzip2Inflater&) = delete;

  void feed(std::string_view data) override {
    stream_.next_in = const_cast<char*>(data.data());  // the library reads it only
    stream_.avail_in = static_cast<unsigned>(data.size());
    // What is decoded may fill the room when the last byte of the input has been taken.
    bool full = false;
    while (stream_.avail_in > 0 || (full && open_)) full = step();
  }

  void finish() override {
    if (open_) throw invalid("unexpected end of the stream");
    output_.flush();
  }

 private:
  bool step() {
    begin();
    stream_.next_out = output_.space();
    stream_.avail_out = static_cast<unsigned>(output_.room());
    const unsigned room = stream_.avail_out;
    int code = ::BZ2_bzDecompress(&stream_);
    const bool full = stream_.avail_out == 0;
    output_.advance(room - stream_.avail_out);
    if (code == BZ_STREAM_END)
      end();
    else if (code == BZ_DATA_ERROR_MAGIC)
      throw invalid("trailing data after the stream");  // the first stream's magic was seen before
    else if (code != BZ_OK)
      throw invalid("the data is corrupt");
    return full;
  }

  void begin() {
    if (open_) return;
    if (::BZ2_bzDecompressInit(&stream_, 0, 0) != BZ_OK)
      throw Error(ErrorKind::internal, "bzip2: out of memory");
    open_ = true;
  }

  void end() {
    if (open_) ::BZ2_bzDecompressEnd(&stream_);
    open_ = false;
  }

  InflateBuffer output_;
  bz_stream stream_{};
  bool open_ = false;
};

}  // namespace

std::unique_ptr<Inflater> make_bzip2_inflater(Inflater::Sink sink) {
  return std::make_unique<Bzip2Inflater>(std::move(sink));
}

}  // namespace ctr::image
