// Base64 (RFC 4648, section 4) for bytes inside the JSON messages of the monitor protocol. Pure.
#pragma once

#include <string>
#include <string_view>

namespace ctr::runtime {

std::string base64_encode(std::string_view bytes);
// Characters outside of the alphabet end the text: both ends are our own programs.
std::string base64_decode(std::string_view text);

}  // namespace ctr::runtime
