#include "image/digest.h"

#include <openssl/evp.h>

#include <array>
#include <new>

#include "runtime/sys/error.h"

namespace ctr::image {

namespace {

constexpr std::string_view prefix = "sha256:";
constexpr size_t hex_length = 64;

bool is_lower_hex(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

struct FreeContext {
  void operator()(EVP_MD_CTX* context) const { ::EVP_MD_CTX_free(context); }
};

}  // namespace

bool Digest::is_valid(std::string_view text) {
  if (!text.starts_with(prefix) || text.size() != prefix.size() + hex_length) return false;
  for (char c : text.substr(prefix.size()))
    if (!is_lower_hex(c)) return false;
  return true;
}

Digest Digest::parse(std::string_view text) {
  if (!is_valid(text)) {
    // A hostile document may put a megabyte here: quote no more than anybody would read.
    throw sys::Error(
        sys::ErrorKind::invalid_argument,
        fmt::format("invalid digest '{}': want sha256: and 64 lower-case hexadecimal digits",
                    text.substr(0, 100)));
  }
  Digest digest;
  digest.hex_ = text.substr(prefix.size());
  return digest;
}

struct Sha256::State {
  std::unique_ptr<EVP_MD_CTX, FreeContext> context;
};

Sha256::Sha256() : state_(std::make_unique<State>()) {
  state_->context.reset(::EVP_MD_CTX_new());
  if (!state_->context) throw std::bad_alloc();
  if (::EVP_DigestInit_ex(state_->context.get(), ::EVP_sha256(), nullptr) != 1)
    throw sys::Error(sys::ErrorKind::internal, "EVP_DigestInit_ex sha256 failed");
}

Sha256::~Sha256() = default;
Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;

void Sha256::update(std::string_view data) {
  if (::EVP_DigestUpdate(state_->context.get(), data.data(), data.size()) != 1)
    throw sys::Error(sys::ErrorKind::internal, "EVP_DigestUpdate sha256 failed");
}

Digest Sha256::finish() {
  std::array<unsigned char, EVP_MAX_MD_SIZE> raw{};
  unsigned length = 0;
  if (::EVP_DigestFinal_ex(state_->context.get(), raw.data(), &length) != 1)
    throw sys::Error(sys::ErrorKind::internal, "EVP_DigestFinal_ex sha256 failed");
  static constexpr char digits[] = "0123456789abcdef";
  Digest digest;
  digest.hex_.reserve(hex_length);
  for (unsigned i = 0; i < length; ++i) {
    digest.hex_ += digits[raw[i] >> 4];
    digest.hex_ += digits[raw[i] & 15];
  }
  return digest;
}

Digest Sha256::of(std::string_view data) {
  Sha256 sha;
  sha.update(data);
  return sha.finish();
}

}  // namespace ctr::image
