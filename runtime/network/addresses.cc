#include "runtime/network/addresses.h"

#include <arpa/inet.h>

#include <charconv>

namespace ctr::runtime {

namespace {

std::optional<uint8_t> parse_prefix(std::string_view digits, unsigned longest) {
  unsigned prefix = 0;
  auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), prefix);
  if (error != std::errc{} || end != digits.data() + digits.size() || prefix > longest)
    return std::nullopt;
  return static_cast<uint8_t>(prefix);
}

}  // namespace

std::optional<uint32_t> parse_ipv4(std::string_view text) {
  in_addr address{};
  if (text.find('\0') != std::string_view::npos) return std::nullopt;
  if (::inet_pton(AF_INET, std::string(text).c_str(), &address) != 1) return std::nullopt;
  return ntohl(address.s_addr);
}

std::optional<AddressWithPrefix> parse_address_with_prefix(std::string_view text) {
  size_t slash = text.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  auto address = parse_ipv4(text.substr(0, slash));
  std::string_view digits = text.substr(slash + 1);
  auto prefix = parse_prefix(digits, 32);
  if (!address || !prefix) return std::nullopt;
  return AddressWithPrefix{*address, *prefix};
}

std::optional<Ipv6Address> parse_ipv6(std::string_view text) {
  Ipv6Address address;
  if (text.find('\0') != std::string_view::npos) return std::nullopt;
  if (::inet_pton(AF_INET6, std::string(text).c_str(), address.data()) != 1) return std::nullopt;
  return address;
}

std::optional<Ipv6AddressWithPrefix> parse_ipv6_with_prefix(std::string_view text) {
  size_t slash = text.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  auto address = parse_ipv6(text.substr(0, slash));
  auto prefix = parse_prefix(text.substr(slash + 1), 128);
  if (!address || !prefix) return std::nullopt;
  return Ipv6AddressWithPrefix{*address, *prefix};
}

std::string format_ipv6(const Ipv6Address& address) {
  char text[INET6_ADDRSTRLEN];
  return ::inet_ntop(AF_INET6, address.data(), text, sizeof text);
}

bool is_link_local(const Ipv6Address& address) {
  return address[0] == 0xfe && (address[1] & 0xc0) == 0x80;
}

bool is_multicast(const Ipv6Address& address) { return address[0] == 0xff; }

std::optional<MacAddress> parse_mac_address(std::string_view text) {
  MacAddress mac;
  if (text.size() != 17) return std::nullopt;
  for (size_t i = 0; i < 6; ++i) {
    const char* digits = text.data() + 3 * i;
    if (i > 0 && digits[-1] != ':') return std::nullopt;
    auto [end, error] = std::from_chars(digits, digits + 2, mac.bytes[i], 16);
    if (error != std::errc{} || end != digits + 2) return std::nullopt;
  }
  return mac;
}

}  // namespace ctr::runtime
