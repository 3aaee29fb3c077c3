#include "runtime/network/port_redirection.h"

#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter_ipv4.h>
#include <netinet/in.h>

#include <cstddef>
#include <string>

#include "runtime/network/netlink.h"

// What is here in bytes, as `nft` would write it:
//
//   table ip ctr_names {
//     chain questions { type filter hook output priority raw;
//       ip daddr 127.0.0.11 udp dport 53 udp dport set 40001
//       ip daddr 127.0.0.11 tcp dport 53 tcp dport set 40002 }
//     chain answers { type filter hook output priority mangle;
//       ip saddr 127.0.0.11 udp sport 40001 udp sport set 53
//       ip saddr 127.0.0.11 tcp sport 40002 tcp sport set 53 }
//   }
//
// Both directions of a conversation over loopback pass the output hook. Questions are rewritten
// before conntrack looks and answers after it, so that it sees one conversation if the container
// uses it.
namespace ctr::runtime {

namespace {

constexpr const char* table = "ctr_names";

// Where a packet's addresses and ports lie.
constexpr uint32_t ip_source = 12, ip_destination = 16, address_size = 4;
constexpr uint32_t source_port = 0, destination_port = 2, port_size = 2;
constexpr uint32_t udp_checksum = 6, tcp_checksum = 16;

// Numbers of nftables are in network byte order.
void number(NetlinkBatch& batch, uint16_t type, uint32_t value) {
  batch.attribute_u32(type, htonl(value));
}

void begin(NetlinkBatch& batch, int message, uint16_t flags, const std::string& what) {
  batch.begin(static_cast<uint16_t>(NFNL_SUBSYS_NFTABLES << 8 | message), flags, what);
  nfgenmsg header{};
  header.nfgen_family = AF_INET;
  header.version = NFNETLINK_V0;
  batch.header(header);
}

// Writes one expression of a rule; `write` its attributes.
template <class Write>
void expression(NetlinkBatch& batch, const char* name, Write write) {
  const size_t element = batch.begin_nest(NFTA_LIST_ELEM);
  batch.attribute(NFTA_EXPR_NAME, name);
  const size_t data = batch.begin_nest(NFTA_EXPR_DATA);
  write();
  batch.end_nest(data);
  batch.end_nest(element);
}

void value(NetlinkBatch& batch, uint16_t type, const void* bytes, size_t size) {
  const size_t data = batch.begin_nest(type);
  batch.attribute(NFTA_DATA_VALUE, bytes, size);
  batch.end_nest(data);
}

void load(NetlinkBatch& batch, nft_payload_bases base, uint32_t offset, uint32_t size) {
  expression(batch, "payload", [&] {
    number(batch, NFTA_PAYLOAD_DREG, NFT_REG_1);
    number(batch, NFTA_PAYLOAD_BASE, base);
    number(batch, NFTA_PAYLOAD_OFFSET, offset);
    number(batch, NFTA_PAYLOAD_LEN, size);
  });
}

void expect_equal(NetlinkBatch& batch, const void* bytes, size_t size) {
  expression(batch, "cmp", [&] {
    number(batch, NFTA_CMP_SREG, NFT_REG_1);
    number(batch, NFTA_CMP_OP, NFT_CMP_EQ);
    value(batch, NFTA_CMP_DATA, bytes, size);
  });
}

void expect_protocol(NetlinkBatch& batch, uint8_t protocol) {
  expression(batch, "meta", [&] {
    number(batch, NFTA_META_DREG, NFT_REG_1);
    number(batch, NFTA_META_KEY, NFT_META_L4PROTO);
  });
  expect_equal(batch, &protocol, sizeof protocol);
}

void store_port(NetlinkBatch& batch, uint16_t port, uint32_t offset, uint32_t checksum) {
  const uint16_t ordered = htons(port);
  expression(batch, "immediate", [&] {
    number(batch, NFTA_IMMEDIATE_DREG, NFT_REG_1);
    value(batch, NFTA_IMMEDIATE_DATA, &ordered, sizeof ordered);
  });
  expression(batch, "payload", [&] {
    number(batch, NFTA_PAYLOAD_SREG, NFT_REG_1);
    number(batch, NFTA_PAYLOAD_BASE, NFT_PAYLOAD_TRANSPORT_HEADER);
    number(batch, NFTA_PAYLOAD_OFFSET, offset);
    number(batch, NFTA_PAYLOAD_LEN, port_size);
    number(batch, NFTA_PAYLOAD_CSUM_TYPE, NFT_PAYLOAD_CSUM_INET);
    number(batch, NFTA_PAYLOAD_CSUM_OFFSET, checksum);
  });
}

// Packets of `protocol` whose address and port (the destination's or the source's) are these get
// another port.
struct Rewriting {
  const char* chain;
  uint8_t protocol;
  uint32_t address_offset, port_offset;
  uint16_t from, to;
};

void rule(NetlinkBatch& batch, uint32_t address, const Rewriting& rewriting) {
  begin(batch, NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND, "redirect a port");
  batch.attribute(NFTA_RULE_TABLE, table);
  batch.attribute(NFTA_RULE_CHAIN, rewriting.chain);
  const size_t expressions = batch.begin_nest(NFTA_RULE_EXPRESSIONS);
  const uint32_t ordered_address = htonl(address);
  const uint16_t ordered_port = htons(rewriting.from);
  load(batch, NFT_PAYLOAD_NETWORK_HEADER, rewriting.address_offset, address_size);
  expect_equal(batch, &ordered_address, sizeof ordered_address);
  expect_protocol(batch, rewriting.protocol);
  load(batch, NFT_PAYLOAD_TRANSPORT_HEADER, rewriting.port_offset, port_size);
  expect_equal(batch, &ordered_port, sizeof ordered_port);
  store_port(batch, rewriting.to, rewriting.port_offset,
             rewriting.protocol == IPPROTO_UDP ? udp_checksum : tcp_checksum);
  batch.end_nest(expressions);
}

void chain(NetlinkBatch& batch, const char* name, int priority) {
  begin(batch, NFT_MSG_NEWCHAIN, NLM_F_CREATE, "make a chain of the firewall");
  batch.attribute(NFTA_CHAIN_TABLE, table);
  batch.attribute(NFTA_CHAIN_NAME, name);
  const size_t hook = batch.begin_nest(NFTA_CHAIN_HOOK);
  number(batch, NFTA_HOOK_HOOKNUM, NF_INET_LOCAL_OUT);
  number(batch, NFTA_HOOK_PRIORITY, static_cast<uint32_t>(priority));
  batch.end_nest(hook);
  batch.attribute(NFTA_CHAIN_TYPE, "filter");
}

}  // namespace

void redirect_port(const PortRedirection& to) {
  NetlinkBatch batch;
  batch.begin_transaction(NFNL_SUBSYS_NFTABLES);
  begin(batch, NFT_MSG_NEWTABLE, NLM_F_CREATE, "make a table of the firewall");
  batch.attribute(NFTA_TABLE_NAME, table);
  chain(batch, "questions", NF_IP_PRI_RAW);
  chain(batch, "answers", NF_IP_PRI_MANGLE);
  for (auto [protocol, port] :
       {std::pair<uint8_t, uint16_t>(IPPROTO_UDP, to.udp_port), {IPPROTO_TCP, to.tcp_port}}) {
    rule(batch, to.address,
         {"questions", protocol, ip_destination, destination_port, to.port, port});
    rule(batch, to.address, {"answers", protocol, ip_source, source_port, port, to.port});
  }
  batch.end_transaction(NFNL_SUBSYS_NFTABLES);
  NetlinkSocket(NETLINK_NETFILTER).execute(batch);
}

}  // namespace ctr::runtime
