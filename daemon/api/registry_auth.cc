#include "daemon/api/registry_auth.h"

#include <cstdint>
#include <nlohmann/json.hpp>

#include "daemon/api/json.h"
#include "runtime/sys/error.h"

namespace ctr::daemon {

namespace {

int base64_digit(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  if (c == '+' || c == '-') return 62;
  if (c == '/' || c == '_') return 63;
  return -1;
}

}  // namespace

std::optional<std::string> base64_decode(std::string_view text) {
  while (text.ends_with("=")) text.remove_suffix(1);
  if (text.size() % 4 == 1) return std::nullopt;
  std::string decoded;
  uint32_t bits = 0;
  int count = 0;
  for (char c : text) {
    int digit = base64_digit(c);
    if (digit < 0) return std::nullopt;
    bits = bits << 6 | static_cast<uint32_t>(digit);
    count += 6;
    if (count < 8) continue;
    count -= 8;
    decoded.push_back(static_cast<char>(bits >> count & 0xff));
  }
  return decoded;
}

RegistryAuth parse_registry_auth(std::string_view header) {
  std::optional<std::string> text = base64_decode(header);
  if (!text || text->empty()) return {};
  try {
    nlohmann::json document = parse_json(*text, 8);
    JsonObject auth(document);
    return {auth.string("username"), auth.string("password"), auth.string("serveraddress"),
            auth.string("identitytoken"), auth.string("registrytoken")};
  } catch (const sys::Error&) {
    return {};
  }
}

}  // namespace ctr::daemon
