#include <doctest/doctest.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>

#include <cstring>

#include "runtime/network/netlink.h"
#include "runtime/sys/error.h"

using namespace ctr::runtime;

namespace {

nlmsghdr header_at(std::span<const std::byte> bytes, size_t offset) {
  nlmsghdr header{};
  std::memcpy(&header, bytes.data() + offset, sizeof header);
  return header;
}

}  // namespace

TEST_CASE("a batch numbers its requests and lets only the last be acknowledged") {
  NetlinkBatch batch;
  batch.begin(RTM_NEWLINK, NLM_F_CREATE, "first");
  batch.header(ifinfomsg{});
  batch.attribute(IFLA_IFNAME, "eth0");
  batch.begin(RTM_SETLINK, 0, "second");
  batch.header(ifinfomsg{});
  auto bytes = batch.finish(7);

  nlmsghdr first = header_at(bytes, 0);
  CHECK(first.nlmsg_seq == 7);
  CHECK(first.nlmsg_flags == (NLM_F_REQUEST | NLM_F_CREATE));
  // Header, ifinfomsg, an attribute of 4 + 5 bytes padded to 12.
  CHECK(first.nlmsg_len == NLMSG_HDRLEN + sizeof(ifinfomsg) + 12);
  nlmsghdr second = header_at(bytes, first.nlmsg_len);
  CHECK(second.nlmsg_seq == 8);
  CHECK((second.nlmsg_flags & NLM_F_ACK) != 0);
  CHECK(first.nlmsg_len + second.nlmsg_len == bytes.size());
  CHECK(batch.what(1) == "second");
}

TEST_CASE("nested attributes are found again") {
  NetlinkBatch batch;
  batch.begin(RTM_NEWLINK, 0, "nest");
  size_t outer = batch.begin_nest(IFLA_LINKINFO);
  batch.attribute(IFLA_INFO_KIND, "veth");
  size_t inner = batch.begin_nest(IFLA_INFO_DATA);
  batch.attribute_u32(5, 1234);
  batch.end_nest(inner);
  batch.end_nest(outer);
  batch.attribute_u8(IFLA_OPERSTATE, 6);
  auto payload = batch.finish(1).subspan(NLMSG_HDRLEN);

  NetlinkAttributes attributes(payload);
  auto info = attributes.find(IFLA_LINKINFO);
  REQUIRE(info);
  CHECK(NetlinkAttributes(*info).find_text(IFLA_INFO_KIND) == "veth");
  auto data = NetlinkAttributes(*info).find(IFLA_INFO_DATA);
  REQUIRE(data);
  CHECK(NetlinkAttributes(*data).find_u32(5) == 1234U);
  CHECK(attributes.find(IFLA_OPERSTATE)->size() == 1);
  CHECK(!attributes.find(IFLA_MASTER));
}

TEST_CASE("attributes that do not fit their message are not read") {
  nlattr attribute{.nla_len = 200, .nla_type = IFLA_IFNAME};
  std::byte bytes[8] = {};
  std::memcpy(bytes, &attribute, sizeof attribute);
  CHECK(!NetlinkAttributes(bytes).find(IFLA_IFNAME));
  attribute.nla_len = 2;  // shorter than its own header: would never end
  std::memcpy(bytes, &attribute, sizeof attribute);
  CHECK(!NetlinkAttributes(bytes).find(IFLA_IFNAME));
  CHECK(!NetlinkAttributes(std::span<const std::byte>(bytes, 3)).find(0));
}

TEST_CASE("a text without its NUL ends with its attribute") {
  NetlinkBatch batch;
  batch.begin(RTM_NEWLINK, 0, "text");
  batch.attribute(IFLA_IFNAME, static_cast<const void*>("eth0"), 4);
  CHECK(NetlinkAttributes(batch.finish(1).subspan(NLMSG_HDRLEN)).find_text(IFLA_IFNAME) == "eth0");
}

TEST_CASE("a message shorter than its header is refused") {
  std::byte bytes[4] = {};
  NetlinkMessage message{RTM_NEWLINK, bytes};
  CHECK_THROWS_AS(message.header<ifinfomsg>(), ctr::sys::Error);
  CHECK(!message.attributes<ifinfomsg>().find(IFLA_IFNAME));
}
