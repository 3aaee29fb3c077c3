#include "daemon/dns/message.h"

#include <doctest/doctest.h>

#include "daemon/dns/name_server.h"

using namespace ctr::daemon::dns;

namespace {

std::string u16(unsigned value) {
  return {static_cast<char>(value >> 8), static_cast<char>(value & 0xff)};
}

std::string header(unsigned id, unsigned flags, unsigned questions, unsigned additional = 0) {
  return u16(id) + u16(flags) + u16(questions) + u16(0) + u16(0) + u16(additional);
}

const std::string web_question = std::string("\3WEB\4blue\0", 10) + u16(type_a) + u16(1);

}  // namespace

TEST_CASE("a question is understood, in lower case, and repeated as it came") {
  auto parsed = parse_query(header(0x1234, 0x0100, 1) + web_question);
  REQUIRE(parsed);
  CHECK(parsed->problem == Rcode::no_error);
  CHECK(parsed->query.name == "web.blue");
  CHECK(parsed->query.type == type_a);
  CHECK(parsed->query.recursion_desired);
  CHECK(parsed->query.udp_limit == plain_udp_limit);
  std::string answer = make_answer(parsed->query, {.addresses = {0x0a5c004d}}, 512);
  CHECK(message_id(answer) == 0x1234);
  CHECK(answer.substr(12, web_question.size()) == web_question);
  CHECK(answer.substr(answer.size() - 4) == std::string("\x0a\x5c\x00\x4d", 4));
  CHECK(answers_question(answer, parsed->query));
}

TEST_CASE("what a client takes by UDP is taken from EDNS, within limits") {
  const auto limit_of = [](unsigned size) {
    std::string edns = std::string(1, '\0') + u16(41) + u16(size) + std::string(6, '\0');
    return parse_query(header(1, 0, 1, 1) + web_question + edns)->query.udp_limit;
  };
  CHECK(limit_of(100) == 512);
  CHECK(limit_of(1000) == 1000);
  CHECK(limit_of(65535) == 1232);
}

TEST_CASE("an answer that does not fit is marked and has what does fit") {
  auto parsed = parse_query(header(1, 0, 1) + web_question);
  Answer many;
  for (uint32_t i = 0; i < 100; ++i) many.addresses.push_back(i);
  std::string answer = make_answer(parsed->query, many, 512);
  CHECK(answer.size() <= 512);
  CHECK(is_truncated(answer));
  CHECK_FALSE(is_truncated(make_answer(parsed->query, many, message_limit)));
}

TEST_CASE("hostile messages are refused and never read beyond their end") {
  CHECK_FALSE(parse_query(""));
  CHECK_FALSE(parse_query("short"));
  CHECK_FALSE(parse_query(header(1, 0x8000, 1) + web_question));  // an answer
  const std::string good = header(1, 0, 1) + web_question;
  for (size_t length = 12; length < good.size(); ++length)
    CHECK(parse_query(good.substr(0, length))->problem == Rcode::format_error);
  // A pointer to itself, a label that is too long, a name that is, no question, two questions.
  CHECK(parse_query(header(1, 0, 1) + std::string("\xc0\x0c", 2) + u16(1) + u16(1))->problem ==
        Rcode::format_error);
  CHECK(parse_query(header(1, 0, 1) + "\x40" + std::string(64, 'x') + std::string(5, '\0'))->problem ==
        Rcode::format_error);
  std::string longest;
  for (int i = 0; i < 5; ++i) longest += "\x3f" + std::string(63, 'x');
  CHECK(parse_query(header(1, 0, 1) + longest + std::string(5, '\0'))->problem == Rcode::format_error);
  CHECK(parse_query(header(1, 0, 0))->problem == Rcode::format_error);
  CHECK(parse_query(header(1, 0, 2) + web_question + web_question)->problem == Rcode::format_error);
  CHECK(parse_query(header(1, 0x2800, 1) + web_question)->problem == Rcode::not_implemented);
}

TEST_CASE("reverse names are addresses backwards, and nothing else") {
  CHECK(parse_reverse_name("77.0.92.10.in-addr.arpa") == 0x0a5c004d);
  for (const char* name : {"0.92.10.in-addr.arpa", "1.77.0.92.10.in-addr.arpa", "256.0.0.1.in-addr.arpa",
                           "a.0.92.10.in-addr.arpa", "77.0.92.10", ".in-addr.arpa", ""})
    CHECK_FALSE(parse_reverse_name(name));
}

TEST_CASE("an answer to another question is nobody's") {
  auto parsed = parse_query(header(7, 0, 1) + web_question);
  std::string answer = header(7, 0x8180, 1) + web_question;
  CHECK(answers_question(answer, parsed->query));
  answer[13] = 'X';
  CHECK_FALSE(answers_question(answer, parsed->query));
  CHECK_FALSE(answers_question(header(7, 0x8180, 1), parsed->query));
  CHECK_FALSE(answers_question(header(7, 0x0100, 1) + web_question, parsed->query));
}

TEST_CASE("resolv.conf's servers are found whatever else it says") {
  CHECK(parse_nameservers("# nameserver 1.1.1.1\nnameserver 10.0.0.1\n\tnameserver  fd00::1 \n"
                          "search example.org\nnameserver\n") ==
        std::vector<std::string>{"10.0.0.1", "fd00::1"});
}

TEST_CASE("an IPv6 address is answered as one, and its reverse name is read") {
  const auto address = ctr::runtime::parse_ipv6("2001:db8::567:89ab").value();
  CHECK(parse_reverse_name6("b.a.9.8.7.6.5.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa") ==
        address);
  for (const char* name : {"ip6.arpa", "b.ip6.arpa",
                           "x.a.9.8.7.6.5.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa",
                           "b.a.9.8.7.6.5.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0-2.ip6.arpa"})
    CHECK(!parse_reverse_name6(name));
}
