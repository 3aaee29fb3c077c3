// DNS messages (RFC 1035, section 4; EDNS: RFC 6891), as far as a container's resolver needs them:
// one question in, addresses or a name out. Pure. What comes in is hostile: nothing is read beyond
// its end, and a question's name may not be compressed, so that no pointer is ever followed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/network/addresses.h"

namespace ctr::daemon::dns {

inline constexpr uint16_t type_a = 1;
inline constexpr uint16_t type_ptr = 12;
inline constexpr uint16_t type_aaaa = 28;
inline constexpr size_t plain_udp_limit = 512;  // bytes of an answer, without EDNS
inline constexpr size_t message_limit = 65'535;

enum class Rcode : uint8_t {
  no_error = 0,
  format_error = 1,
  server_failure = 2,
  no_such_name = 3,
  not_implemented = 4,
  refused = 5,
};

struct Query {
  uint16_t id = 0;
  bool recursion_desired = false;
  std::string name;  // "web.blue": lower case, without the last dot
  uint16_t type = 0;
  std::string question;  // its bytes, as they came: an answer repeats them
  bool has_edns = false;
  size_t udp_limit = plain_udp_limit;  // what the client takes
};

// nullopt for what is no query of ours: too short, an answer, cut off. A query that cannot be
// understood has its reason in `problem`.
struct ParsedQuery {
  Query query;
  Rcode problem = Rcode::no_error;
};
std::optional<ParsedQuery> parse_query(std::string_view message);

struct Answer {
  Rcode rcode = Rcode::no_error;
  std::vector<uint32_t> addresses{};  // IPv4, host byte order
  std::vector<runtime::Ipv6Address> addresses6{};
  std::vector<std::string> names{};   // of a PTR question
};
// At most `limit` bytes: where not all fits, what does, marked as truncated.
std::string make_answer(const Query& query, const Answer& answer, size_t limit);

// "77.0.92.10.in-addr.arpa": the address; nullopt for any other name.
std::optional<uint32_t> parse_reverse_name(std::string_view name);
std::optional<runtime::Ipv6Address> parse_reverse_name6(std::string_view name);

// Of any message with a header.
uint16_t message_id(std::string_view message);
void set_message_id(std::string& message, uint16_t id);
// Whether the answer is one to this question (and no other's).
bool answers_question(std::string_view answer, const Query& query);
bool is_truncated(std::string_view answer);

}  // namespace ctr::daemon::dns
