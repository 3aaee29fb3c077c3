#include "image/url_download.h"

#include <unistd.h>

#include <charconv>
#include <system_error>

#include "runtime/sys/error.h"
#include "runtime/sys/file.h"

namespace ctr::image {

namespace {

using sys::Error;
using sys::ErrorKind;

constexpr int most_redirects = 10;

uint64_t announced_size(const HttpResponse& head) {
  const std::string text = head.find_header("content-length").value_or("");
  uint64_t size = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), size);
  return error == std::errc() && end == text.data() + text.size() ? size : 0;
}

// Where a redirect leads; nullopt for another answer.
std::optional<Url> find_next(const Url& url, const HttpResponse& response) {
  const std::optional<std::string> location = response.find_header("location");
  if (response.status < 300 || response.status >= 400 || !location) return std::nullopt;
  Url next = resolve_url(url, *location);
  if (url.scheme == "https" && next.scheme != "https")
    throw Error(ErrorKind::invalid_argument,
                fmt::format("redirect from '{}' to '{}' without TLS refused", url.safe_text(),
                            next.safe_text()));
  return next;
}

}  // namespace

sys::UniqueFd download_url(HttpClient& http, const UrlDownload& download, std::stop_token stop) {
  sys::UniqueFd file = sys::make_unnamed_file(download.directory);
  uint64_t current = 0;
  const BodySink sink = [&](const HttpResponse& head, std::string_view piece) {
    current += piece.size();
    const uint64_t total = announced_size(head);
    if (std::max(current, total) > download.limit)
      throw Error(
          ErrorKind::invalid_argument,
          fmt::format("'{}' is longer than {} bytes", download.url.safe_text(), download.limit));
    sys::write_all(file.get(), piece, "download");
    if (download.progress) download.progress(current, total);
  };
  HttpRequest request;
  request.url = download.url;
  for (int hops = 0;; ++hops) {
    const HttpResponse response = http.perform(request, stop, sink);
    if (response.status == 200) break;
    const std::optional<Url> next = find_next(request.url, response);
    if (!next)
      throw Error(
          ErrorKind::invalid_argument,
          fmt::format("'{}' answers with status {}", request.url.safe_text(), response.status));
    if (hops == most_redirects)
      throw Error(ErrorKind::invalid_argument,
                  fmt::format("'{}' leads to more than {} redirects", download.url.safe_text(),
                              most_redirects));
    request.url = *next;
  }
  sys::check(::lseek(file.get(), 0, SEEK_SET), "lseek");
  return file;
}

}  // namespace ctr::image
