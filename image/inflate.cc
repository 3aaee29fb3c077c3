#include "image/inflate.h"

#include <algorithm>
#include <cstring>

#include "image/inflate_buffer.h"
#include "runtime/sys/error.h"

namespace ctr::image {

namespace {

using sys::Error;
using sys::ErrorKind;
using namespace std::string_view_literals;

class PlainInflater : public Inflater {
 public:
  explicit PlainInflater(Sink sink) : output_(std::move(sink)) {}

  void feed(std::string_view data) override {
    while (!data.empty()) {
      char* space = output_.space();
      size_t count = std::min(data.size(), output_.room());
      std::memcpy(space, data.data(), count);
      output_.advance(count);
      data.remove_prefix(count);
    }
  }
  void finish() override { output_.flush(); }

 private:
  InflateBuffer output_;
};

std::unique_ptr<Inflater> make_inflater_for(Compression compression, Inflater::Sink sink) {
  switch (compression) {
    case Compression::none:
      return make_plain_inflater(std::move(sink));
    case Compression::gzip:
      return make_gzip_inflater(std::move(sink), GzipLibrary::fastest);
    case Compression::zstd:
      return make_zstd_inflater(std::move(sink));
    case Compression::bzip2:
      return make_bzip2_inflater(std::move(sink));
    case Compression::xz:
      return make_xz_inflater(std::move(sink));
  }
  throw Error(ErrorKind::internal, "unknown compression");
}

// Holds back the first bytes until they tell what the stream is.
class DetectingInflater : public Inflater {
 public:
  explicit DetectingInflater(Sink sink) : sink_(std::move(sink)) {}

  void feed(std::string_view data) override {
    if (inflater_) return inflater_->feed(data);
    start_ += data;
    if (start_.size() >= compression_magic_size) decide();
  }
  void finish() override {
    if (!inflater_) decide();
    inflater_->finish();
  }

 private:
  void decide() {
    inflater_ = make_inflater_for(detect_compression(start_), std::move(sink_));
    inflater_->feed(start_);
    start_.clear();
  }

  Sink sink_;
  std::string start_;
  std::unique_ptr<Inflater> inflater_;
};

}  // namespace

Compression detect_compression(std::string_view start) {
  if (start.starts_with("\x1f\x8b\x08"sv)) return Compression::gzip;
  if (start.starts_with("\x28\xb5\x2f\xfd"sv)) return Compression::zstd;
  // A skippable frame, which zstd:chunked layers may begin with: magic 0x184d2a50 to 0x184d2a5f.
  if (start.size() >= 4 && (start[0] & '\xf0') == '\x50' && start.substr(1, 3) == "\x2a\x4d\x18"sv)
    return Compression::zstd;
  if (start.starts_with("\xfd\x37zXZ\0"sv)) return Compression::xz;
  // A tar may begin with a file named BZh…: the block's magic, the digits of pi, tells them apart.
  if (start.starts_with("BZh"sv) && start.size() >= 10 && start.substr(4, 6) == "1AY&SY"sv)
    return Compression::bzip2;
  return Compression::none;
}

std::unique_ptr<Inflater> make_inflater(Inflater::Sink sink) {
  return std::make_unique<DetectingInflater>(std::move(sink));
}

std::unique_ptr<Inflater> make_plain_inflater(Inflater::Sink sink) {
  return std::make_unique<PlainInflater>(std::move(sink));
}

InflatingSource::InflatingSource(std::function<std::string_view()> source)
    : source_(std::move(source)),
      inflater_(make_inflater([this](std::string piece) { ready_.push_back(std::move(piece)); })) {}

std::string_view InflatingSource::next() {
  if (!ready_.empty()) ready_.pop_front();
  while (ready_.empty() && !ended_) {
    std::string_view piece = source_();
    ended_ = piece.empty();
    if (ended_)
      inflater_->finish();
    else
      inflater_->feed(piece);
  }
  return ready_.empty() ? std::string_view() : std::string_view(ready_.front());
}

}  // namespace ctr::image
