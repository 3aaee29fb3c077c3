#include <bzlib.h>
#include <doctest/doctest.h>
#include <lzma.h>
#include <zlib.h>
#include <zstd.h>

#include <random>

#include "image/inflate.h"
#include "runtime/sys/error.h"

using namespace ctr;
using namespace ctr::image;

namespace {

std::string noise(size_t size, unsigned seed) {
  std::mt19937 generator(seed);
  std::string text(size, '\0');
  // Half of it compresses, so that both stored and coded blocks occur.
  for (size_t i = 0; i < size; ++i)
    text[i] = static_cast<char>(i / 4096 % 2 == 0 ? generator() : 'a' + i % 7);
  return text;
}

std::string gzip_of(const std::string& plain) {
  z_stream stream{};
  REQUIRE(::deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK);
  std::string out(::deflateBound(&stream, plain.size()) + 64, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(plain.data()));
  stream.avail_in = static_cast<uInt>(plain.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  REQUIRE(::deflate(&stream, Z_FINISH) == Z_STREAM_END);
  out.resize(stream.total_out);
  ::deflateEnd(&stream);
  return out;
}

std::string zstd_of(const std::string& plain) {
  std::string out(::ZSTD_compressBound(plain.size()), '\0');
  out.resize(::ZSTD_compress(out.data(), out.size(), plain.data(), plain.size(), 3));
  return out;
}

std::string xz_of(const std::string& plain, uint32_t preset = 1) {
  std::string out(::lzma_stream_buffer_bound(plain.size()), '\0');
  size_t size = 0;
  REQUIRE(::lzma_easy_buffer_encode(preset, LZMA_CHECK_CRC32, nullptr, reinterpret_cast<const uint8_t*>(plain.data()),
                                    plain.size(), reinterpret_cast<uint8_t*>(out.data()), &size,
                                    out.size()) == LZMA_OK);
  out.resize(size);
  return out;
}

std::string bzip2_of(const std::string& plain) {
  std::string out(plain.size() + plain.size() / 50 + 1000, '\0');
  auto size = static_cast<unsigned>(out.size());
  REQUIRE(::BZ2_bzBuffToBuffCompress(out.data(), &size, const_cast<char*>(plain.data()),
                                     static_cast<unsigned>(plain.size()), 1, 0, 0) == BZ_OK);
  out.resize(size);
  return out;
}

std::string members(const std::string& plain, size_t piece,
                    std::string (*pack)(const std::string&)) {
  std::string out;
  for (size_t i = 0; i < plain.size(); i += piece) out += pack(plain.substr(i, piece));
  return out;
}

template <class Make>
std::string inflate_with(Make make, std::string_view data, size_t piece) {
  std::string plain;
  auto inflater = make([&](std::string part) {
    CHECK(part.size() <= inflated_piece_size);
    plain += part;
  });
  for (; !data.empty(); data.remove_prefix(std::min(piece, data.size())))
    inflater->feed(data.substr(0, piece));
  inflater->finish();
  return plain;
}

auto detecting = [](Inflater::Sink sink) { return make_inflater(std::move(sink)); };
auto igzip = [](Inflater::Sink sink) {
  return make_gzip_inflater(std::move(sink), GzipLibrary::fastest);
};
auto zlib = [](Inflater::Sink sink) {
  return make_gzip_inflater(std::move(sink), GzipLibrary::zlib);
};

}  // namespace

TEST_CASE("compressions are told by their first bytes") {
  using namespace std::string_view_literals;
  CHECK(detect_compression("\x1f\x8b\x08\0\0"sv) == Compression::gzip);
  CHECK(detect_compression("\x28\xb5\x2f\xfd"sv) == Compression::zstd);
  CHECK(detect_compression("\x50\x2a\x4d\x18"sv) == Compression::zstd);
  CHECK(detect_compression("\x5f\x2a\x4d\x18"sv) == Compression::zstd);
  CHECK(detect_compression("\xfd\x37zXZ\0"sv) == Compression::xz);
  CHECK(detect_compression("BZh91AY&SY"sv) == Compression::bzip2);
  CHECK(detect_compression("BZhfile.txt"sv) == Compression::none);
  CHECK(detect_compression(""sv) == Compression::none);
  CHECK(detect_compression("\x1f"sv) == Compression::none);
}

TEST_CASE("any pieces of any compression give the same bytes") {
  const std::string plain = noise(700'000, 1);
  for (const std::string& packed :
       {plain, gzip_of(plain), zstd_of(plain), members(plain, 50'000, gzip_of),
        members(plain, 50'000, zstd_of), xz_of(plain), members(plain, 50'000, [](const std::string& part) { return xz_of(part); }), bzip2_of(plain),
        members(plain, 50'000, bzip2_of)})
    for (size_t piece : {size_t{7}, size_t{1021}, size_t{16384}, packed.size()})
      CHECK(inflate_with(detecting, packed, piece) == plain);
}

TEST_CASE("both gzip libraries take members that end anywhere in a piece") {
  const std::string plain = noise(20'000, 2);
  for (size_t member : {size_t{1}, size_t{13}, size_t{333}, size_t{9000}}) {
    const std::string packed = members(plain.substr(0, member * 40), member, gzip_of);
    for (size_t piece : {size_t{1}, size_t{2}, size_t{17}, size_t{18}, size_t{1000}}) {
      CHECK(inflate_with(igzip, packed, piece) == plain.substr(0, member * 40));
      CHECK(inflate_with(zlib, packed, piece) == plain.substr(0, member * 40));
    }
  }
}

TEST_CASE("an empty stream and empty members are fine") {
  CHECK(inflate_with(detecting, "", 1) == "");
  CHECK(inflate_with(detecting, gzip_of("") + gzip_of("x") + gzip_of(""), 3) == "x");
}

TEST_CASE("a stream that ends too early is an error (D05)") {
  const std::string plain = noise(30'000, 3);
  const std::string gzip = gzip_of(plain);
  const std::string zstd = zstd_of(plain);
  const std::string xz = xz_of(plain);
  const std::string bzip2 = bzip2_of(plain);
  for (size_t cut = 1; cut <= 20; ++cut) {
    CHECK_THROWS_AS(inflate_with(igzip, gzip.substr(0, gzip.size() - cut), 4096), sys::Error);
    CHECK_THROWS_AS(inflate_with(zlib, gzip.substr(0, gzip.size() - cut), 4096), sys::Error);
    for (const std::string& whole : {zstd, xz, bzip2})
      CHECK_THROWS_AS(inflate_with(detecting, whole.substr(0, whole.size() - cut), 4096), sys::Error);
  }
  for (size_t size = 11; size < 2000; size += 97) {
    CHECK_THROWS_AS(inflate_with(igzip, gzip.substr(0, size), 4096), sys::Error);
    CHECK_THROWS_AS(inflate_with(zlib, gzip.substr(0, size), 4096), sys::Error);
  }
}

TEST_CASE("what follows the last member is refused") {
  const std::string packed = gzip_of("hello");
  CHECK_THROWS_WITH_AS(inflate_with(igzip, packed + "garbage", 4),
                       "invalid gzip data: trailing data after the stream", sys::Error);
  CHECK_THROWS_AS(inflate_with(zlib, packed + std::string(512, '\0'), 4096), sys::Error);
  CHECK_THROWS_AS(inflate_with(igzip, packed + "\x1f garbage that begins well", 4096), sys::Error);
}

TEST_CASE("what follows the last stream of xz and bzip2 is refused, too") {
  CHECK_THROWS_WITH_AS(inflate_with(detecting, xz_of("hello") + "garbage, which is no stream", 4),
                       "invalid xz data: it is damaged, or other data follows the stream", sys::Error);
  CHECK_THROWS_WITH_AS(inflate_with(detecting, bzip2_of("hello") + "garbage", 4),
                       "invalid bzip2 data: trailing data after the stream", sys::Error);
}

TEST_CASE("damage in xz and bzip2 never goes unnoticed (D05)") {
  for (const std::string& good : {xz_of(noise(40'000, 6)), bzip2_of(noise(40'000, 6))})
    for (size_t i = 12; i < good.size(); i += 211) {
      std::string bad = good;
      bad[i] = static_cast<char>(bad[i] ^ 0x41);
      CHECK_THROWS_AS(inflate_with(detecting, bad, 4096), sys::Error);
    }
}

TEST_CASE("the dictionary of xz -9 is taken, a larger one is refused (D01)") {
  CHECK(inflate_with(detecting, xz_of("hello", 9), 4096) == "hello");
  lzma_options_lzma options;
  REQUIRE(!::lzma_lzma_preset(&options, 1));
  options.dict_size = 256 << 20;
  lzma_filter filters[] = {{LZMA_FILTER_LZMA2, &options}, {LZMA_VLI_UNKNOWN, nullptr}};
  uint8_t packed[1000];
  size_t size = 0;
  REQUIRE(::lzma_stream_buffer_encode(filters, LZMA_CHECK_CRC32, nullptr, packed, 5, packed, &size, sizeof packed) ==
          LZMA_OK);
  CHECK_THROWS_WITH_AS(inflate_with(detecting, {reinterpret_cast<char*>(packed), size}, 4096),
                       "invalid xz data: its dictionary is too large", sys::Error);
}

TEST_CASE("damage in gzip never goes unnoticed and never hangs (D05)") {
  const std::string plain = noise(40'000, 4);
  const std::string good = gzip_of(plain);
  for (size_t i = 10; i < good.size(); i += 211) {
    std::string bad = good;
    bad[i] = static_cast<char>(bad[i] ^ 0x41);
    CHECK_THROWS_AS(inflate_with(igzip, bad, 4096), sys::Error);
    CHECK_THROWS_AS(inflate_with(zlib, bad, 4096), sys::Error);
  }
}

TEST_CASE("a zstd frame that wants too large a window is refused (D01)") {
  // Magic, frame header without single segment and content size, window descriptor 2^31.
  std::string frame("\x28\xb5\x2f\xfd\x00\xa8", 6);
  CHECK_THROWS_AS(inflate_with(detecting, frame + std::string(64, 'x'), 4096), sys::Error);
}

TEST_CASE("an exception of the sink comes out of feed") {
  auto inflater =
      make_inflater([](std::string) { throw sys::Error(sys::ErrorKind::internal, "full"); });
  CHECK_THROWS_WITH(inflater->feed(noise(1 << 20, 5)), "full");
}
