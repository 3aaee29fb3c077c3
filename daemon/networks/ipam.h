// Addresses of a network: which are in its pool, which is next, which are taken. The decisions are
// pure functions on plain numbers; networks.cc keeps the taken ones in the database.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ctr::daemon {

// An IPv4 subnet, addresses in host byte order; the host bits of `address` are zero.
struct Subnet {
  uint32_t address = 0;
  int prefix = 0;  // 0 … 32

  uint32_t mask() const { return prefix == 0 ? 0 : ~uint32_t{0} << (32 - prefix); }
  uint32_t first() const { return address; }
  uint32_t last() const { return address | ~mask(); }
  bool contains(uint32_t ip) const { return (ip & mask()) == address; }
  bool contains(const Subnet& other) const {
    return other.prefix >= prefix && contains(other.address);
  }
  bool overlaps(const Subnet& other) const { return contains(other) || other.contains(*this); }
  bool operator==(const Subnet&) const = default;
};

// "172.17.0.0/16"; host bits are cut off. nullopt for anything that is not an IPv4 subnet.
std::optional<Subnet> parse_subnet(std::string_view text);
std::string to_string(const Subnet& subnet);
std::string format_ipv4(uint32_t address);

// The addresses that a network hands out.
struct AddressPool {
  Subnet subnet;
  uint32_t gateway = 0;  // the bridge's own address, never handed out
  Subnet range;          // where to allocate: the subnet, or part of it (--ip-range)
  bool given = false;    // the user chose the subnet; else it came from the default pools
};

// Builds a pool from the user's texts; empty texts take the defaults. Throws
// Error{invalid_argument} for texts that are none, a gateway or range outside of the subnet, or a
// subnet with no room.
AddressPool plan_pool(std::string_view subnet, std::string_view gateway, std::string_view range);
// From --bip "172.17.0.1/16": the bridge's address and its subnet.
AddressPool plan_pool_of_bridge_address(std::string_view bip);

// A range of addresses that is given out in subnets of a size: --default-address-pool. Throws
// Error{invalid_argument} for what is none.
struct DefaultPool {
  Subnet base;
  int prefix = 24;
};
DefaultPool plan_default_pool(std::string_view base, int64_t size);

// Docker's default pools: 172.17.0.0/16 … 172.31.0.0/16, then 192.168.0.0/20 in sixteen parts. The
// first that overlaps none of `used`; nullopt when all do.
std::optional<Subnet> choose_default_subnet(const std::vector<Subnet>& used,
                                            const std::vector<DefaultPool>& pools = {});

// How many addresses the pool can hand out, and whether an address may be one of them (it may be
// outside of the range: a requested one).
uint64_t capacity(const AddressPool& pool);
bool may_be_given(const AddressPool& pool, uint32_t address);

// The next free address behind `last` (0: none yet), in a circle through the pool's range: an
// address is not reused soon, because the namespace that had it may still be dying and answering
// ARP. Never the subnet's own, its broadcast or the gateway's. nullopt when all are taken.
std::optional<uint32_t> next_address(const AddressPool& pool, uint32_t last,
                                     const std::function<bool(uint32_t)>& taken);

// Docker's rule: 02:42 and then the address, so that a reused address has the same MAC and no
// neighbour's ARP cache is ever wrong.
std::string mac_of_address(uint32_t address);

}  // namespace ctr::daemon
