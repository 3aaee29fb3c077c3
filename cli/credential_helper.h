// Credential helpers (docker-credential-NAME programs): where the client's configuration wants
// passwords kept. Their protocol: a verb as the argument, JSON or a server's name on standard
// input, JSON back.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace ctr::cli {

// The name of the helper for a registry's key in config.json ("localhost:5000"), from its text:
// credHelpers' entry, else credsStore; nullopt: passwords are in config.json itself. Pure.
std::optional<std::string> find_helper_name(std::string_view config, const std::string& key);

struct StoredCredentials {
  std::string username;
  std::string secret;  // of the user "<token>": an identity token
};
// Throws sys::Error where the helper is not there or fails; nullopt: it has none for the server.
std::optional<StoredCredentials> get_from_helper(const std::string& helper,
                                                 const std::string& server);
void store_in_helper(const std::string& helper, const std::string& server,
                     const StoredCredentials& credentials);
void erase_from_helper(const std::string& helper, const std::string& server);

}  // namespace ctr::cli
