#include "image/url.h"

#include <arpa/inet.h>
#include <curl/curl.h>

#include <array>
#include <memory>
#include <optional>
#include <vector>

#include "runtime/sys/error.h"

namespace ctr::image {

namespace {

struct FreeUrl {
  void operator()(CURLU* url) const { ::curl_url_cleanup(url); }
};
using UrlHandle = std::unique_ptr<CURLU, FreeUrl>;

constexpr unsigned parse_flags = CURLU_DISALLOW_USER | CURLU_NO_DEFAULT_PORT;

UrlHandle new_handle() {
  UrlHandle handle(::curl_url());
  if (!handle) throw std::bad_alloc();
  return handle;
}

void set(CURLU* handle, std::string_view text) {
  const CURLUcode code =
      ::curl_url_set(handle, CURLUPART_URL, std::string(text).c_str(), parse_flags);
  if (code == CURLUE_OK) return;
  throw sys::Error(
      sys::ErrorKind::invalid_argument,
      fmt::format("invalid URL '{}': {}", text.substr(0, text.find('?')).substr(0, 200),
                  code == CURLUE_USER_NOT_ALLOWED ? "it names a user" : "cannot be read"));
}

std::string part(CURLU* handle, CURLUPart which, unsigned flags = 0) {
  char* text = nullptr;
  if (::curl_url_get(handle, which, &text, flags) != CURLUE_OK) return {};
  std::string result(text);
  ::curl_free(text);
  return result;
}

Url read(CURLU* handle) {
  Url url;
  url.scheme = part(handle, CURLUPART_SCHEME);
  if (url.scheme != "http" && url.scheme != "https")
    throw sys::Error(sys::ErrorKind::invalid_argument,
                     fmt::format("unsupported URL scheme '{}'", url.scheme.substr(0, 20)));
  url.host = part(handle, CURLUPART_HOST);
  for (char& c : url.host)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  if (url.host.starts_with('[')) url.host = url.host.substr(1, url.host.size() - 2);
  url.port = std::stoi(part(handle, CURLUPART_PORT, CURLU_DEFAULT_PORT));
  url.text = part(handle, CURLUPART_URL);
  if (size_t fragment = url.text.find('#'); fragment != std::string::npos)
    url.text.resize(fragment);
  return url;
}

struct Address {
  std::array<unsigned char, 16> bytes{};
  int bits = 0;  // 32 or 128
};

std::optional<Address> find_address(std::string_view text) {
  const std::string copy(text);
  Address address;
  if (::inet_pton(AF_INET, copy.c_str(), address.bytes.data()) == 1) {
    address.bits = 32;
    return address;
  }
  if (::inet_pton(AF_INET6, copy.c_str(), address.bytes.data()) != 1) return std::nullopt;
  // ::ffff:127.0.0.1 is 127.0.0.1 by another name.
  in6_addr six{};
  std::copy(address.bytes.begin(), address.bytes.end(), six.s6_addr);
  if (IN6_IS_ADDR_V4MAPPED(&six)) {
    Address four;
    std::copy(address.bytes.begin() + 12, address.bytes.end(), four.bytes.begin());
    four.bits = 32;
    return four;
  }
  address.bits = 128;
  return address;
}

bool same_prefix(const Address& a, const Address& b, int bits) {
  for (int i = 0; i < bits; ++i) {
    const int mask = 0x80 >> (i % 8);
    if ((a.bytes[static_cast<size_t>(i / 8)] & mask) !=
        (b.bytes[static_cast<size_t>(i / 8)] & mask))
      return false;
  }
  return true;
}

}  // namespace

std::string Url::safe_text() const {
  return text.substr(0, text.find('?'));
}

Url parse_url(std::string_view text) {
  UrlHandle handle = new_handle();
  set(handle.get(), text);
  return read(handle.get());
}

Url resolve_url(const Url& base, std::string_view location) {
  UrlHandle handle = new_handle();
  set(handle.get(), base.text);
  set(handle.get(), location);
  return read(handle.get());
}

std::string url_escape(std::string_view text) {
  static constexpr char digits[] = "0123456789ABCDEF";
  std::string escaped;
  for (unsigned char c : text) {
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
        c == '_' || c == '.' || c == '~') {
      escaped += static_cast<char>(c);
    } else {
      escaped += {'%', digits[c >> 4], digits[c & 15]};
    }
  }
  return escaped;
}

bool is_loopback_host(std::string_view host) {
  return host == "localhost" || host == "::1" || is_in_network(host, "127.0.0.0/8");
}

bool is_link_local_address(std::string_view address) {
  return is_in_network(address, "169.254.0.0/16") || is_in_network(address, "fe80::/10");
}

bool is_in_network(std::string_view address, std::string_view network) {
  const size_t slash = network.find('/');
  const std::optional<Address> wanted = find_address(address);
  const std::optional<Address> prefix = find_address(network.substr(0, slash));
  if (!wanted || !prefix || wanted->bits != prefix->bits) return false;
  int bits = prefix->bits;
  if (slash != std::string_view::npos) {
    const std::string length(network.substr(slash + 1));
    if (length.empty() || length.size() > 3 ||
        length.find_first_not_of("0123456789") != std::string::npos)
      return false;
    bits = std::stoi(length);
  }
  return bits <= prefix->bits && same_prefix(*wanted, *prefix, bits);
}

}  // namespace ctr::image
