// The framing of a stream that carries stdout and stderr side by side (Docker's API, "Stream format"). Pure.
#pragma once

#include <string>
#include <string_view>

namespace ctr::daemon {

// Eight bytes, the stream's number and the size, before each piece.
inline std::string frame(bool is_stderr, std::string_view payload) {
  std::string text(8, '\0');
  text[0] = is_stderr ? 2 : 1;
  for (int i = 0; i < 4; ++i)
    text[static_cast<size_t>(4 + i)] = static_cast<char>(payload.size() >> (8 * (3 - i)));
  return text.append(payload);
}

}  // namespace ctr::daemon
