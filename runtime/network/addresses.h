// Addresses of networks and links as texts and in their binary forms. Pure; nullopt for a text that is
// something else.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace ctr::runtime {

// "172.17.0.2/16"
struct AddressWithPrefix {
  uint32_t address = 0;  // host byte order
  uint8_t prefix = 0;
};
std::optional<uint32_t> parse_ipv4(std::string_view text);
std::optional<AddressWithPrefix> parse_address_with_prefix(std::string_view text);

using Ipv6Address = std::array<uint8_t, 16>;  // network byte order
struct Ipv6AddressWithPrefix {
  Ipv6Address address{};
  uint8_t prefix = 0;
};
// No scope ("%eth0").
std::optional<Ipv6Address> parse_ipv6(std::string_view text);
std::optional<Ipv6AddressWithPrefix> parse_ipv6_with_prefix(std::string_view text);
std::string format_ipv6(const Ipv6Address& address);  // RFC 5952
bool is_link_local(const Ipv6Address& address);
bool is_multicast(const Ipv6Address& address);

// "02:42:ac:11:00:02"
struct MacAddress {
  uint8_t bytes[6] = {};
};
std::optional<MacAddress> parse_mac_address(std::string_view text);

}  // namespace ctr::runtime
