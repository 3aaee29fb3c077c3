// The URLs of registries: http and https only, without a user part. Pure (libcurl's parser, so that
// what is checked here is what is connected to).
#pragma once

#include <string>
#include <string_view>

namespace ctr::image {

struct Url {
  std::string scheme;  // "http" or "https"
  std::string host;    // lower case; IPv6 without brackets
  int port = 0;        // never 0 in a parsed one
  std::string text;    // the whole

  // For error messages: no query, which may hold a signature (N12).
  std::string safe_text() const;
  bool same_origin(const Url& other) const {
    return scheme == other.scheme && host == other.host && port == other.port;
  }
};

// Throws Error{invalid_argument} for other schemes, user parts ("https://registry@evil/", N06) and
// what is no URL.
Url parse_url(std::string_view text);
// What a Location header in the answer of `base` means.
Url resolve_url(const Url& base, std::string_view location);

// "a b/c" → "a%20b%2Fc".
std::string url_escape(std::string_view text);

// Literal addresses only: a name says nothing, whoever answers DNS decides where it leads (N03).
bool is_loopback_host(std::string_view host);          // 127.0.0.0/8, ::1, "localhost"
bool is_link_local_address(std::string_view address);  // 169.254.0.0/16, fe80::/10: cloud metadata
// Whether the literal address is in a range like "10.0.0.0/8" or "fd00::/8".
bool is_in_network(std::string_view address, std::string_view network);

}  // namespace ctr::image
