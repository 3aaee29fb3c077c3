// A content address as OCI writes it: "sha256:" and 64 lower-case hexadecimal digits.
#pragma once

#include <compare>
#include <memory>
#include <string>
#include <string_view>

namespace ctr::image {

// Always valid: only parse() and Sha256 make one. The default is the empty digest, equal to nothing
// that content has; test with empty().
class Digest {
 public:
  Digest() = default;
  // Throws Error{invalid_argument} for anything but sha256 with 64 lower-case hex digits (G06).
  static Digest parse(std::string_view text);
  static bool is_valid(std::string_view text);

  bool empty() const { return hex_.empty(); }
  const std::string& hex() const { return hex_; }         // 64 digits: safe as a file name
  std::string text() const { return "sha256:" + hex_; }
  auto operator<=>(const Digest&) const = default;

 private:
  friend class Sha256;
  std::string hex_;
};

// A running SHA-256 over a stream (OpenSSL EVP).
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;
  void update(std::string_view data);
  Digest finish();  // once
  static Digest of(std::string_view data);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace ctr::image
