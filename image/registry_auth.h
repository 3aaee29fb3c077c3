// The words of the registries' authentication: challenges, tokens, the header that clients send to
// the daemon. Pure. (RFC 7235; distribution's token specification.)
#pragma once

#include <chrono>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "image/registry_config.h"

namespace ctr::image {

struct Challenge {
  std::string scheme;                             // "bearer", "basic": lower case
  std::map<std::string, std::string> parameters;  // names in lower case: realm, service, scope
};

// One WWW-Authenticate header, which may hold several challenges. What cannot be read is left out.
std::vector<Challenge> parse_challenges(std::string_view header);

struct Token {
  std::string text;
  std::chrono::seconds lifetime{60};
};

inline constexpr size_t max_token_bytes = 1 << 20;

// A token server's answer. Throws Error{invalid_argument} for what is none, and for tokens that
// would not fit into a header.
Token parse_token(std::string_view body);

// realm?service=…&scope=…&account=…
std::string token_url(const Challenge& challenge, std::string_view scope, std::string_view account);
// The form for a refresh token (OAuth2).
std::string refresh_form(const Challenge& challenge, std::string_view scope,
                         const Credentials& credentials);

std::string basic_authorization(const Credentials& credentials);  // "Basic …"

// X-Registry-Auth: base64 of either alphabet, padded or not, of a JSON object; empty is nobody.
// Throws Error{invalid_argument} (N13), never with a piece of the text.
Credentials parse_registry_auth(std::string_view header);
// The same object without base64: POST /auth.
Credentials parse_credentials(std::string_view json);

}  // namespace ctr::image
