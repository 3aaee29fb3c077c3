#include "image/registry_error.h"

#include <algorithm>

#include "image/json_document.h"

namespace ctr::image {

namespace {

sys::ErrorKind kind_of(TransferFailure failure) {
  switch (failure) {
    case TransferFailure::unreachable:
    case TransferFailure::silent:
    case TransferFailure::handshake:
    case TransferFailure::stalled:
    case TransferFailure::interrupted:
      return sys::ErrorKind::unavailable;
    case TransferFailure::untrusted:
    case TransferFailure::refused:
    case TransferFailure::too_large:
      return sys::ErrorKind::invalid_argument;
  }
  return sys::ErrorKind::internal;
}

// A registry's words go to terminals: no control characters, no more than a few lines.
std::string printable(std::string_view text) {
  std::string result(text.substr(0, 300));
  // Never half a character of UTF-8: the text goes into JSON.
  if (text.size() > result.size())
    while (!result.empty() && static_cast<unsigned char>(result.back()) >= 0x80) result.pop_back();
  for (char& c : result)
    if (static_cast<unsigned char>(c) < ' ' || c == 127) c = ' ';
  return result;
}

std::string lower(std::string text) {
  for (char& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return text;
}

}  // namespace

TransferError::TransferError(TransferFailure failure, const std::string& message)
    : Error(kind_of(failure), message), failure_(failure) {}

std::string registry_message(std::string_view body) {
  try {
    const auto parsed = parse_json_object(body, "error", {.bytes = 64 << 10, .depth = 16});
    JsonObject object(parsed, "error");
    const auto* errors = object.array("errors");
    if (!errors || errors->empty()) return printable(object.text("details"));
    JsonObject first(errors->front(), "error");
    std::string code = lower(first.text("code"));
    std::replace(code.begin(), code.end(), '_', ' ');
    const std::string message = first.text("message");
    return printable(message.empty() ? code : code + ": " + message);
  } catch (const sys::Error&) {
    // An HTML page of some proxy: nothing that a user could use.
    return {};
  }
}

std::optional<std::chrono::seconds> parse_retry_after(std::string_view header) {
  if (header.empty() || header.size() > 9 ||
      header.find_first_not_of("0123456789") != std::string_view::npos)
    return std::nullopt;
  return std::chrono::seconds(std::stol(std::string(header)));
}

}  // namespace ctr::image
