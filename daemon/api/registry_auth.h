// X-Registry-Auth: base64 of
// {"username","password","serveraddress","identitytoken","registrytoken"}, in the standard or the
// URL alphabet, padded or not. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace ctr::daemon {

struct RegistryAuth {
  std::string username{};
  std::string password{};
  std::string server_address{};
  std::string identity_token{};
  std::string registry_token{};
};

// Empty for an empty header and for what cannot be decoded: an old client's anonymous pull sends
// all kinds of things, and a registry that wants credentials says so.
RegistryAuth parse_registry_auth(std::string_view header);

// Both alphabets, with padding or without; nullopt for anything else.
std::optional<std::string> base64_decode(std::string_view text);

}  // namespace ctr::daemon
