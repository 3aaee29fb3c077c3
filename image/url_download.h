// A file from the web (`import URL`), fetched whole before anything is made of it: a transfer that
// breaks off leaves nothing. Runs in: ctrd, on the thread of who asked for it.
#pragma once

#include <cstdint>
#include <functional>
#include <stop_token>
#include <string>

#include "image/http_client.h"
#include "runtime/sys/unique_fd.h"

namespace ctr::image {

struct UrlDownload {
  Url url;
  std::string directory;                // of the unnamed file that it is written to
  uint64_t limit = uint64_t{64} << 30;  // bytes
  // Told how many bytes have come, and of how many (0: not known).
  std::function<void(uint64_t current, uint64_t total)> progress{};
};

// The file, at its beginning. Follows a few redirects, not from TLS to none. Throws
// Error{invalid_argument} for an answer that is no success, Error{unavailable} for a server that
// cannot be reached, and for what is too long; Cancelled after a stop.
sys::UniqueFd download_url(HttpClient& http, const UrlDownload& download, std::stop_token stop);

}  // namespace ctr::image
