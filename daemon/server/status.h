// What an error is to an HTTP client. Pure.
#pragma once

#include <string_view>

#include "runtime/sys/error.h"

namespace ctr::daemon {

int http_status(sys::ErrorKind kind);
std::string_view reason_phrase(int status);

}  // namespace ctr::daemon
