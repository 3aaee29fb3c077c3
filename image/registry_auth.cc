#include "image/registry_auth.h"

#include <algorithm>
#include <optional>

#include "image/json_document.h"
#include "image/url.h"
#include "runtime/sys/error.h"

namespace ctr::image {

namespace {

constexpr std::string_view alphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

std::string encode_base64(std::string_view data) {
  std::string text;
  for (size_t i = 0; i < data.size(); i += 3) {
    unsigned block = 0;
    const size_t count = std::min<size_t>(3, data.size() - i);
    for (size_t j = 0; j < 3; ++j)
      block = block << 8 | (j < count ? static_cast<unsigned char>(data[i + j]) : 0u);
    for (size_t j = 0; j < 4; ++j) text += j <= count ? alphabet[block >> (18 - 6 * j) & 63] : '=';
  }
  return text;
}

std::optional<std::string> decode_base64(std::string_view text) {
  while (text.ends_with('=')) text.remove_suffix(1);
  std::string data;
  unsigned block = 0;
  int bits = 0;
  for (char c : text) {
    if (c == '-') c = '+';
    if (c == '_') c = '/';
    size_t value = alphabet.find(c);
    if (value == std::string_view::npos) return std::nullopt;
    block = (block << 6 | static_cast<unsigned>(value)) & 0xffffff;
    bits += 6;
    if (bits < 8) continue;
    bits -= 8;
    data += static_cast<char>(block >> bits & 0xff);
  }
  return data;
}

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return result;
}

// Reads a header from left to right.
class HeaderReader {
 public:
  explicit HeaderReader(std::string_view text) : rest_(text) {}

  bool at_end() const { return rest_.empty(); }
  void skip(std::string_view characters) {
    rest_.remove_prefix(std::min(rest_.find_first_not_of(characters), rest_.size()));
  }
  bool take(char c) {
    if (!rest_.starts_with(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }
  std::string token() {
    const size_t end = std::min(rest_.find_first_of(" \t,=\""), rest_.size());
    std::string text(rest_.substr(0, end));
    rest_.remove_prefix(end);
    return text;
  }
  std::string value() {
    if (!take('"')) {
      const size_t end = std::min(rest_.find_first_of(" \t,"), rest_.size());
      std::string text(rest_.substr(0, end));
      rest_.remove_prefix(end);
      return text;
    }
    std::string text;
    while (!rest_.empty() && !take('"')) {
      take('\\');
      if (rest_.empty()) break;
      text += rest_.front();
      rest_.remove_prefix(1);
    }
    return text;
  }
  void drop_one() {
    if (!rest_.empty()) rest_.remove_prefix(1);
  }

 private:
  std::string_view rest_;
};

}  // namespace

std::vector<Challenge> parse_challenges(std::string_view header) {
  std::vector<Challenge> challenges;
  HeaderReader reader(header);
  while (true) {
    reader.skip(" \t,");
    if (reader.at_end()) return challenges;
    std::string word = reader.token();
    if (word.empty()) {
      reader.drop_one();
      continue;
    }
    reader.skip(" \t");
    // A word followed by '=' is a parameter of the challenge before; any other begins a challenge.
    if (!reader.take('=')) {
      challenges.push_back({lower(word), {}});
      continue;
    }
    reader.skip(" \t");
    std::string value = reader.value();
    if (!challenges.empty()) challenges.back().parameters[lower(word)] = std::move(value);
  }
}

Token parse_token(std::string_view body) {
  const auto parsed = parse_json_object(body, "token", {.bytes = max_token_bytes, .depth = 16});
  JsonObject object(parsed, "token");
  Token token;
  token.text = object.text("token");
  if (token.text.empty()) token.text = object.text("access_token");
  if (token.text.empty()) object.refuse("the token server sent none");
  // It becomes part of a header: no line may end in it.
  if (std::any_of(token.text.begin(), token.text.end(), [](char c) { return c <= ' ' || c > '~'; }))
    object.refuse("it holds a character that no token has");
  if (std::optional<int64_t> lifetime = object.integer("expires_in"); lifetime && *lifetime > 0)
    token.lifetime = std::chrono::seconds(std::min<int64_t>(*lifetime, 24 * 3600));
  return token;
}

namespace {
std::string parameter(const Challenge& challenge, const char* name) {
  auto found = challenge.parameters.find(name);
  return found == challenge.parameters.end() ? std::string() : found->second;
}
}  // namespace

std::string token_url(const Challenge& challenge, std::string_view scope,
                      std::string_view account) {
  std::string url = parameter(challenge, "realm");
  char separator = url.find('?') == std::string::npos ? '?' : '&';
  const auto add = [&](std::string_view name, std::string_view value) {
    if (value.empty()) return;
    url += fmt::format("{}{}={}", separator, name, url_escape(value));
    separator = '&';
  };
  add("service", parameter(challenge, "service"));
  add("scope", scope);
  add("account", account);
  return url;
}

std::string refresh_form(const Challenge& challenge, std::string_view scope,
                         const Credentials& credentials) {
  std::string form = "grant_type=refresh_token&client_id=ctr&refresh_token=" +
                     url_escape(credentials.identity_token);
  form += "&service=" + url_escape(parameter(challenge, "service"));
  if (!scope.empty()) form += "&scope=" + url_escape(scope);
  return form;
}

std::string basic_authorization(const Credentials& credentials) {
  return "Basic " + encode_base64(credentials.username + ":" + credentials.password);
}

Credentials parse_credentials(std::string_view json) {
  const auto parsed = parse_json_object(json, "registry credentials", {.bytes = 64 << 10});
  JsonObject object(parsed, "registry credentials");
  Credentials credentials;
  credentials.username = object.text("username");
  credentials.password = object.text("password");
  credentials.identity_token = object.text("identitytoken");
  credentials.registry_token = object.text("registrytoken");
  // Old clients send "auth", the base64 of user:password, instead of the two.
  if (credentials.username.empty() && credentials.password.empty()) {
    const std::string pair = decode_base64(object.text("auth")).value_or("");
    const size_t colon = pair.find(':');
    if (colon != std::string::npos) {
      credentials.username = pair.substr(0, colon);
      credentials.password = pair.substr(colon + 1);
    }
  }
  return credentials;
}

Credentials parse_registry_auth(std::string_view header) {
  if (header.empty()) return {};
  const std::optional<std::string> json = decode_base64(header);
  if (!json)
    throw sys::Error(sys::ErrorKind::invalid_argument,
                     "invalid X-Registry-Auth header: it is not base64");
  return json->empty() ? Credentials{} : parse_credentials(*json);
}

}  // namespace ctr::image
