// The IPv6 side of a network's addresses. Each endpoint's address is as far from the beginning of
// the range as its IPv4 address is from the beginning of its own: so the taken ones, the order, and
// the rule that an address is not reused soon, are all IPv4's. Pure.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "runtime/network/addresses.h"

namespace ctr::daemon {

using runtime::Ipv6Address;

struct Subnet6 {
  Ipv6Address address{};  // the host bits are zero
  int prefix = 0;         // 0 … 128

  bool contains(const Ipv6Address& ip) const;
  bool overlaps(const Subnet6& other) const;
  bool operator==(const Subnet6&) const = default;
};

// "fd00:1::/64"; host bits are cut off. nullopt for anything that is not an IPv6 subnet.
std::optional<Subnet6> parse_subnet6(std::string_view text);
std::string to_string(const Subnet6& subnet);
std::string format_ipv6(const Ipv6Address& address);

struct AddressPool6 {
  Subnet6 subnet;
  Ipv6Address gateway{};  // the bridge's own, never handed out
  Subnet6 range;          // where to allocate: the subnet, or part of it (--ip-range)
};

// Empty texts take the defaults: the gateway is the subnet's first address, the range all of it.
// Throws Error{invalid_argument} for texts that are none, and for a gateway or a range outside of
// the subnet.
AddressPool6 plan_pool6(std::string_view subnet, std::string_view gateway,
                        std::string_view range = "");
// From --bip6 "fd00::1/64": the bridge's address and its subnet.
AddressPool6 plan_pool6_of_bridge_address(std::string_view bip, std::string_view range);

// A subnet of addresses that are unique without a registry (RFC 4193, section 3.2.2), from random
// hexadecimal digits, at least ten.
std::string unique_local_subnet(std::string_view random_hex);

// The range's address number `offset`, or the next free one behind it if it is the gateway's, taken
// or not in the range; nullopt when none of the next 65 536 is free.
std::optional<Ipv6Address> choose_address6(const AddressPool6& pool, uint64_t offset,
                                           const std::function<bool(const Ipv6Address&)>& taken);
// Whether a requested address may be given at all.
bool may_be_given(const AddressPool6& pool, const Ipv6Address& address);

}  // namespace ctr::daemon
