#include "daemon/networks/ipam6.h"

#include <algorithm>
#include <charconv>

#include "runtime/sys/error.h"

namespace ctr::daemon {

namespace {

constexpr int address_bits = 128;
// The subnet's own address, the gateway's, and some to hand out.
constexpr int longest_prefix = 126;
constexpr uint64_t search_limit = 65536;

[[noreturn]] void refuse(std::string message) {
  throw sys::Error(sys::ErrorKind::invalid_argument, std::move(message));
}

Ipv6Address masked(const Ipv6Address& address, int prefix) {
  Ipv6Address result = address;
  for (int byte = 0; byte < 16; ++byte) {
    const int kept = std::clamp(prefix - byte * 8, 0, 8);
    result[static_cast<size_t>(byte)] &= static_cast<uint8_t>(0xff00 >> kept);
  }
  return result;
}

// Added to the last eight bytes: no subnet of ours hands out more.
Ipv6Address advanced(Ipv6Address address, uint64_t offset) {
  for (size_t byte = 16; byte-- > 8 && offset != 0;) {
    offset += address[byte];
    address[byte] = static_cast<uint8_t>(offset & 0xff);
    offset >>= 8;
  }
  return address;
}

}  // namespace

bool Subnet6::contains(const Ipv6Address& ip) const { return masked(ip, prefix) == address; }

bool Subnet6::overlaps(const Subnet6& other) const {
  const int shorter = std::min(prefix, other.prefix);
  return masked(address, shorter) == masked(other.address, shorter);
}

std::optional<Subnet6> parse_subnet6(std::string_view text) {
  const auto parsed = runtime::parse_ipv6_with_prefix(text);
  if (!parsed) return std::nullopt;
  return Subnet6{masked(parsed->address, parsed->prefix), parsed->prefix};
}

std::string to_string(const Subnet6& subnet) {
  return fmt::format("{}/{}", format_ipv6(subnet.address), subnet.prefix);
}

std::string format_ipv6(const Ipv6Address& address) { return runtime::format_ipv6(address); }

namespace {

Ipv6Address expect_gateway(const Subnet6& subnet, std::string_view text) {
  const auto wanted = runtime::parse_ipv6(text);
  if (!wanted) refuse(fmt::format("invalid gateway '{}': not an IPv6 address", text));
  if (!subnet.contains(*wanted) || *wanted == subnet.address)
    refuse(fmt::format("no matching subnet for gateway {}: subnet is {}", text, to_string(subnet)));
  return *wanted;
}

Subnet6 expect_range(const Subnet6& subnet, std::string_view text) {
  const auto range = parse_subnet6(text);
  if (!range) refuse(fmt::format("invalid ip-range '{}': not an IPv6 subnet", text));
  if (range->prefix < subnet.prefix || !subnet.contains(range->address))
    refuse(fmt::format("no matching subnet for range {}: subnet is {}", text, to_string(subnet)));
  return *range;
}

}  // namespace

AddressPool6 plan_pool6_of_bridge_address(std::string_view bip, std::string_view range) {
  const size_t slash = bip.find('/');
  if (slash == std::string_view::npos || !runtime::parse_ipv6_with_prefix(bip))
    refuse(fmt::format("invalid bridge address '{}': expected one like fd00::1/64", bip));
  return plan_pool6(bip, bip.substr(0, slash), range);
}

AddressPool6 plan_pool6(std::string_view subnet, std::string_view gateway, std::string_view range) {
  AddressPool6 pool;
  const auto parsed = parse_subnet6(subnet);
  if (!parsed) refuse(fmt::format("invalid subnet '{}': not an IPv6 subnet", subnet));
  if (parsed->prefix < 1 || parsed->prefix > longest_prefix)
    refuse(fmt::format("invalid subnet '{}': the prefix must be 1 to {}", subnet, longest_prefix));
  if (runtime::is_link_local(parsed->address) || runtime::is_multicast(parsed->address))
    refuse(fmt::format("invalid subnet '{}': link-local and multicast addresses cannot be routed",
                       subnet));
  pool.subnet = *parsed;
  pool.gateway = advanced(pool.subnet.address, 1);
  if (!gateway.empty()) pool.gateway = expect_gateway(pool.subnet, gateway);
  pool.range = range.empty() ? pool.subnet : expect_range(pool.subnet, range);
  return pool;
}

std::string unique_local_subnet(std::string_view random_hex) {
  return fmt::format("fd{}:{}:{}::/64", random_hex.substr(0, 2), random_hex.substr(2, 4),
                     random_hex.substr(6, 4));
}

bool may_be_given(const AddressPool6& pool, const Ipv6Address& address) {
  return pool.subnet.contains(address) && address != pool.subnet.address && address != pool.gateway;
}

std::optional<Ipv6Address> choose_address6(const AddressPool6& pool, uint64_t offset,
                                           const std::function<bool(const Ipv6Address&)>& taken) {
  const int host_bits = address_bits - pool.range.prefix;
  const uint64_t size = host_bits >= 63 ? uint64_t{1} << 63 : uint64_t{1} << host_bits;
  for (uint64_t step = 0; step < std::min(size, search_limit); ++step) {
    const Ipv6Address address = advanced(pool.range.address, (offset + step) % size);
    if (may_be_given(pool, address) && !taken(address)) return address;
  }
  return std::nullopt;
}

}  // namespace ctr::daemon
