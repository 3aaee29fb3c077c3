// JSON that the daemon answered, read without trusting its shape: what is absent or of another type
// reads as empty. Members keep their order. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "cli/template/value.h"

namespace ctr::cli {

// Throws sys::Error for what is no JSON, or is nested too deep to be an answer of the API.
Json parse_document(std::string_view body);

// null where it is absent
const Json& member(const Json& object, std::string_view name);
std::string text_member(const Json& object, std::string_view name);
int64_t number_member(const Json& object, std::string_view name);
bool flag_member(const Json& object, std::string_view name);
// The texts of a list.
std::vector<std::string> texts_member(const Json& object, std::string_view name);

}  // namespace ctr::cli
