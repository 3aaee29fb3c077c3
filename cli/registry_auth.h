// The credentials that `docker login` left in $DOCKER_CONFIG/config.json, as the daemon takes them.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace ctr::cli {

// The X-Registry-Auth header for a registry's domain ("docker.io", "localhost:5000"), from the text
// of config.json; nullopt without credentials for it. Pure. Throws sys::Error if the file is not
// valid. Credential helpers are the caller's to ask (credential_helper.h).
std::optional<std::string> registry_auth_header(std::string_view config, std::string_view domain);

// The configuration's text: <directory>/config.json, where `directory` is --config, DOCKER_CONFIG
// or
// ~/.docker; nullopt without the file.
std::optional<std::string> find_client_config(const std::string& directory);
// The directory itself, which may not be there yet. Throws sys::Error where there is no home.
std::string client_config_directory(const std::string& directory);

std::string encode_base64(std::string_view data);

std::string encode_base64url(std::string_view data);
std::optional<std::string> decode_base64(std::string_view text);  // standard or URL alphabet

}  // namespace ctr::cli
