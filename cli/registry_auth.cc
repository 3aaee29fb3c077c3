#include "cli/registry_auth.h"

#include <algorithm>
#include <cstdlib>

#include "cli/json_member.h"
#include "runtime/sys/error.h"
#include "runtime/sys/file.h"

namespace ctr::cli {

namespace {

using nlohmann::json;

[[noreturn]] void invalid_config(std::string_view why) {
  throw sys::Error(sys::ErrorKind::invalid_argument,
                   fmt::format("config.json of the client is not valid: {}; mend it, or name "
                               "another directory with --config",
                               why));
}

// "https://index.docker.io/v1/" and "localhost:5000/v2/" name the same registry as their host.
std::string host_of(std::string_view key) {
  for (std::string_view scheme : {"https://", "http://"})
    if (key.starts_with(scheme)) key.remove_prefix(scheme.size());
  std::string host(key.substr(0, key.find('/')));
  return host == "index.docker.io" || host == "registry-1.docker.io" ? "docker.io" : host;
}

std::optional<std::string> header_of(const std::string& server, const json& entry) {
  json answer = {{"serveraddress", server}};
  std::string username = string_member(entry, "username");
  std::string password = string_member(entry, "password");
  if (std::string auth = string_member(entry, "auth"); !auth.empty()) {
    std::optional<std::string> plain = decode_base64(auth);
    size_t colon = plain ? plain->find(':') : std::string::npos;
    if (colon == std::string::npos)
      invalid_config(fmt::format("'auth' of '{}' is not base64 of user:password", server));
    username = plain->substr(0, colon);
    password = plain->substr(colon + 1);
    while (!password.empty() && password.back() == '\0') password.pop_back();
  }
  std::string identity = string_member(entry, "identitytoken");
  std::string registry = string_member(entry, "registrytoken");
  if (username.empty() && identity.empty() && registry.empty()) return std::nullopt;
  if (!username.empty()) answer["username"] = username;
  if (!password.empty()) answer["password"] = password;
  if (!identity.empty()) answer["identitytoken"] = identity;
  if (!registry.empty()) answer["registrytoken"] = registry;
  return encode_base64url(answer.dump(-1, ' ', false, json::error_handler_t::replace));
}

int base64_value(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  if (c == '+' || c == '-') return 62;
  if (c == '/' || c == '_') return 63;
  return -1;
}

}  // namespace

std::optional<std::string> registry_auth_header(std::string_view config, std::string_view domain) {
  json parsed = json::parse(config, nullptr, false);
  if (!parsed.is_object()) invalid_config("it is not a JSON object");
  auto auths = parsed.find("auths");
  if (auths == parsed.end() || !auths->is_object()) return std::nullopt;
  for (const auto& [server, entry] : auths->items())
    if (entry.is_object() && host_of(server) == domain)
      if (std::optional<std::string> header = header_of(server, entry)) return header;
  return std::nullopt;
}

namespace {

std::optional<std::string> find_config_directory(const std::string& directory) {
  const char* configured = std::getenv("DOCKER_CONFIG");
  const char* home = std::getenv("HOME");
  if (!directory.empty()) return directory;
  if (configured && *configured) return configured;
  if (home && *home) return std::string(home) + "/.docker";
  return std::nullopt;
}

}  // namespace

std::optional<std::string> find_client_config(const std::string& directory) {
  std::optional<std::string> path = find_config_directory(directory);
  return path ? sys::find_file(*path + "/config.json", 1 << 20) : std::nullopt;
}

std::string client_config_directory(const std::string& directory) {
  std::optional<std::string> path = find_config_directory(directory);
  if (!path)
    throw sys::Error(sys::ErrorKind::invalid_argument,
                     "there is no place for credentials: set HOME or DOCKER_CONFIG");
  return *path;
}

std::string encode_base64(std::string_view data) {
  std::string text = encode_base64url(data);
  std::replace(text.begin(), text.end(), '-', '+');
  std::replace(text.begin(), text.end(), '_', '/');
  return text;
}

std::string encode_base64url(std::string_view data) {
  static constexpr char alphabet[] =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  std::string text;
  for (size_t i = 0; i < data.size(); i += 3) {
    unsigned group = 0;
    size_t count = std::min<size_t>(3, data.size() - i);
    for (size_t j = 0; j < 3; ++j)
      group = group << 8 | (j < count ? static_cast<unsigned char>(data[i + j]) : 0U);
    for (size_t j = 0; j < 4; ++j) text += j <= count ? alphabet[group >> (18 - 6 * j) & 63] : '=';
  }
  return text;
}

std::optional<std::string> decode_base64(std::string_view text) {
  while (!text.empty() && text.back() == '=') text.remove_suffix(1);
  std::string data;
  unsigned bits = 0;
  int count = 0;
  for (char c : text) {
    int value = base64_value(c);
    if (value < 0) return std::nullopt;
    bits = bits << 6 | static_cast<unsigned>(value);
    count += 6;
    if (count >= 8) data += static_cast<char>(bits >> (count -= 8) & 255);
  }
  return data;
}

}  // namespace ctr::cli
