// The target of a request line taken apart: "/v1.41/containers/web/json?size=1". Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "daemon/server/exchange.h"

namespace ctr::daemon {

struct Target {
  std::string path;  // percent-decoded, without the version: "/containers/web/json"
  std::vector<std::pair<std::string, std::string>> query;  // decoded, in the client's order
  std::optional<ApiVersion> version;  // what the client asked for, within our bounds or not
  std::string version_text;           // as it wrote it: "1.41"
};

// Takes origin form, absolute form ("http://docker/info": the host is ignored) and "*". Throws
// Error{invalid_argument} for everything else, for broken escapes and for NUL (P06).
Target parse_target(std::string_view text);

// Throws Error{invalid_argument} "client version 1.12 is too old. …" outside of what we speak.
ApiVersion expect_supported(const Target& target);

// The first value of a name; all of them.
std::optional<std::string> find_query(const Target& target, std::string_view name);
std::vector<std::string> find_all_queries(const Target& target, std::string_view name);
// Docker's rule: "", "0", "no", "false", "none" in any case are false, all else is true.
bool parse_query_bool(std::string_view value);
// Throws Error{invalid_argument} for anything but a 64-bit number.
int64_t parse_query_int(std::string_view name, std::string_view value);

// "a%20b" → "a b"; with `plus_is_space` as in queries. Throws for broken escapes and NUL.
std::string percent_decode(std::string_view text, bool plus_is_space);

}  // namespace ctr::daemon
