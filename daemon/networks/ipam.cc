#include "daemon/networks/ipam.h"

#include <algorithm>
#include <cstdio>

#include "runtime/network/interfaces.h"
#include "runtime/sys/error.h"

namespace ctr::daemon {

using sys::Error;
using sys::ErrorKind;

namespace {

// A network needs its own address, its broadcast, the gateway and at least one to hand out.
constexpr int longest_prefix = 30;

[[noreturn]] void refuse(std::string message) {
  throw Error(ErrorKind::invalid_argument, std::move(message));
}

uint32_t expect_gateway(const Subnet& subnet, std::string_view text) {
  auto gateway = runtime::parse_ipv4(text);
  if (!gateway) refuse(fmt::format("invalid gateway '{}': not an IPv4 address", text));
  if (*gateway <= subnet.first() || *gateway >= subnet.last())
    refuse(fmt::format("no matching subnet for gateway {}: subnet is {}", text, to_string(subnet)));
  return *gateway;
}

Subnet expect_range(const Subnet& subnet, std::string_view text) {
  auto range = parse_subnet(text);
  if (!range) refuse(fmt::format("invalid ip-range '{}': not an IPv4 subnet", text));
  if (!subnet.contains(*range))
    refuse(fmt::format("no matching subnet for range {}: subnet is {}", text, to_string(subnet)));
  return *range;
}

Subnet expect_usable(std::string_view text) {
  auto subnet = parse_subnet(text);
  if (!subnet) refuse(fmt::format("invalid subnet '{}': not an IPv4 subnet", text));
  if (subnet->prefix > longest_prefix || subnet->prefix < 1)
    refuse(fmt::format("invalid subnet '{}': the prefix must be 1 to {}", text, longest_prefix));
  return *subnet;
}

// Docker's.
std::vector<DefaultPool> default_pools() {
  std::vector<DefaultPool> pools;
  for (uint32_t second = 17; second <= 31; ++second)
    pools.push_back({{172U << 24 | second << 16, 16}, 16});
  pools.push_back({{192U << 24 | 168U << 16, 16}, 20});
  return pools;
}

std::optional<Subnet> choose_part(const DefaultPool& pool, const std::vector<Subnet>& used) {
  for (uint64_t address = pool.base.first(); address <= pool.base.last();
       address += uint64_t{1} << (32 - pool.prefix)) {
    const Subnet part{static_cast<uint32_t>(address), pool.prefix};
    const bool is_free = std::none_of(used.begin(), used.end(), [&](const Subnet& subnet) {
      return part.overlaps(subnet);
    });
    if (is_free) return part;
  }
  return std::nullopt;
}

}  // namespace

std::optional<Subnet> parse_subnet(std::string_view text) {
  auto parsed = runtime::parse_address_with_prefix(text);
  if (!parsed) return std::nullopt;
  Subnet subnet{parsed->address, parsed->prefix};
  subnet.address &= subnet.mask();
  return subnet;
}

std::string to_string(const Subnet& subnet) {
  return fmt::format("{}/{}", format_ipv4(subnet.address), subnet.prefix);
}

std::string format_ipv4(uint32_t address) {
  return fmt::format("{}.{}.{}.{}", address >> 24, address >> 16 & 255, address >> 8 & 255,
                     address & 255);
}

AddressPool plan_pool(std::string_view subnet, std::string_view gateway, std::string_view range) {
  AddressPool pool;
  pool.subnet = expect_usable(subnet);
  pool.gateway = gateway.empty() ? pool.subnet.first() + 1 : expect_gateway(pool.subnet, gateway);
  pool.range = range.empty() ? pool.subnet : expect_range(pool.subnet, range);
  pool.given = true;
  return pool;
}

AddressPool plan_pool_of_bridge_address(std::string_view bip) {
  size_t slash = bip.find('/');
  if (slash == std::string_view::npos || !runtime::parse_address_with_prefix(bip))
    refuse(fmt::format("invalid bridge address '{}': expected one like 172.17.0.1/16", bip));
  return plan_pool(bip, bip.substr(0, slash), "");
}

DefaultPool plan_default_pool(std::string_view base, int64_t size) {
  DefaultPool pool{expect_usable(base), static_cast<int>(std::clamp<int64_t>(size, 0, 32))};
  if (pool.prefix < pool.base.prefix || pool.prefix > longest_prefix)
    refuse(fmt::format("invalid default address pool '{}': the size must be {} to {}", base,
                       pool.base.prefix, longest_prefix));
  return pool;
}

std::optional<Subnet> choose_default_subnet(const std::vector<Subnet>& used,
                                            const std::vector<DefaultPool>& pools) {
  for (const DefaultPool& pool : pools.empty() ? default_pools() : pools)
    if (auto part = choose_part(pool, used)) return part;
  return std::nullopt;
}

uint64_t capacity(const AddressPool& pool) {
  uint64_t count = uint64_t{pool.range.last()} - pool.range.first() + 1;
  if (pool.range.contains(pool.subnet.first())) --count;
  if (pool.range.contains(pool.subnet.last())) --count;
  if (pool.range.contains(pool.gateway)) --count;
  return count;
}

bool may_be_given(const AddressPool& pool, uint32_t address) {
  return pool.subnet.contains(address) && address != pool.subnet.first() &&
         address != pool.subnet.last() && address != pool.gateway;
}

std::optional<uint32_t> next_address(const AddressPool& pool, uint32_t last,
                                     const std::function<bool(uint32_t)>& taken) {
  const Subnet& range = pool.range;
  uint32_t start = range.contains(last) ? last : range.last();
  uint32_t address = start;
  do {
    address = address == range.last() ? range.first() : address + 1;
    if (may_be_given(pool, address) && !taken(address)) return address;
  } while (address != start);
  return std::nullopt;
}

std::string mac_of_address(uint32_t address) {
  return fmt::format("02:42:{:02x}:{:02x}:{:02x}:{:02x}", address >> 24, address >> 16 & 255,
                     address >> 8 & 255, address & 255);
}

}  // namespace ctr::daemon
