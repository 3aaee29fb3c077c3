#include "daemon/dns/message.h"

#include <algorithm>
#include <charconv>

namespace ctr::daemon::dns {

namespace {

constexpr size_t header_size = 12;
constexpr size_t label_limit = 63;
constexpr size_t name_limit = 253;
constexpr uint16_t class_internet = 1;
constexpr uint16_t type_opt = 41;
constexpr uint32_t time_to_live = 5;  // seconds: containers come and go
constexpr uint16_t own_udp_limit = 1232;

// Bits of the header's second word.
constexpr uint16_t flag_response = 0x8000;
constexpr uint16_t flag_authoritative = 0x0400;
constexpr uint16_t flag_truncated = 0x0200;
constexpr uint16_t flag_recursion_desired = 0x0100;
constexpr uint16_t flag_recursion_available = 0x0080;
constexpr uint16_t mask_opcode = 0x7800;

uint16_t read_u16(std::string_view data, size_t at) {
  return static_cast<uint16_t>(static_cast<uint8_t>(data[at]) << 8 |
                               static_cast<uint8_t>(data[at + 1]));
}

void put_u16(std::string& data, size_t value) {
  data += static_cast<char>(value >> 8 & 0xff);
  data += static_cast<char>(value & 0xff);
}

void put_u32(std::string& data, uint32_t value) {
  put_u16(data, value >> 16);
  put_u16(data, value & 0xffff);
}

// Moves `at` behind the name; nullopt where it is none, or compressed.
std::optional<std::string> read_name(std::string_view message, size_t& at) {
  std::string name;
  while (at < message.size()) {
    size_t length = static_cast<uint8_t>(message[at++]);
    if (length == 0) return name;
    if (length > label_limit || at + length > message.size()) return std::nullopt;
    if (!name.empty()) name += '.';
    for (char c : message.substr(at, length))
      name += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    if (name.size() > name_limit) return std::nullopt;
    at += length;
  }
  return std::nullopt;
}

std::string encode_name(std::string_view name) {
  std::string encoded;
  while (!name.empty()) {
    std::string_view label = name.substr(0, name.find('.'));
    name.remove_prefix(std::min(name.size(), label.size() + 1));
    label = label.substr(0, label_limit);
    encoded += static_cast<char>(label.size());
    encoded += label;
  }
  return encoded + '\0';
}

// The one additional record that matters: how much the client takes by UDP.
void read_edns(std::string_view message, size_t at, Query& query) {
  constexpr size_t fixed_size = 11;  // empty name, type, class, TTL, length
  if (at + fixed_size > message.size() || message[at] != 0) return;
  if (read_u16(message, at + 1) != type_opt) return;
  query.has_edns = true;
  query.udp_limit = std::clamp<size_t>(read_u16(message, at + 3), plain_udp_limit, own_udp_limit);
}

std::string record(uint16_t type, std::string_view data) {
  std::string text = "\xc0\x0c";  // the question's name
  put_u16(text, type);
  put_u16(text, class_internet);
  put_u32(text, time_to_live);
  put_u16(text, data.size());
  return text.append(data);
}

std::string edns_record() {
  std::string text(1, '\0');
  put_u16(text, type_opt);
  put_u16(text, own_udp_limit);
  put_u32(text, 0);
  put_u16(text, 0);
  return text;
}

std::vector<std::string> records_of(const Answer& answer) {
  std::vector<std::string> records;
  for (uint32_t address : answer.addresses) {
    std::string data;
    put_u32(data, address);
    records.push_back(record(type_a, data));
  }
  for (const runtime::Ipv6Address& address : answer.addresses6)
    records.push_back(record(
        type_aaaa, std::string(reinterpret_cast<const char*>(address.data()), address.size())));
  for (const std::string& name : answer.names)
    records.push_back(record(type_ptr, encode_name(name)));
  return records;
}

}  // namespace

std::optional<ParsedQuery> parse_query(std::string_view message) {
  if (message.size() < header_size) return std::nullopt;
  const uint16_t flags = read_u16(message, 2);
  if ((flags & flag_response) != 0) return std::nullopt;
  ParsedQuery parsed;
  Query& query = parsed.query;
  query.id = read_u16(message, 0);
  query.recursion_desired = (flags & flag_recursion_desired) != 0;
  if ((flags & mask_opcode) != 0) {
    parsed.problem = Rcode::not_implemented;
    return parsed;
  }
  size_t at = header_size;
  std::optional<std::string> name;
  if (read_u16(message, 4) == 1) name = read_name(message, at);
  if (!name || at + 4 > message.size()) {
    parsed.problem = Rcode::format_error;
    return parsed;
  }
  query.name = std::move(*name);
  query.type = read_u16(message, at);
  query.question = message.substr(header_size, at + 4 - header_size);
  if (read_u16(message, 10) == 1) read_edns(message, at + 4, query);
  if (read_u16(message, at + 2) != class_internet) parsed.problem = Rcode::refused;
  return parsed;
}

std::string make_answer(const Query& query, const Answer& answer, size_t limit) {
  const std::string edns = query.has_edns ? edns_record() : "";
  std::string body = query.question;
  size_t count = 0;
  bool truncated = false;
  for (const std::string& text : records_of(answer)) {
    if (header_size + body.size() + text.size() + edns.size() > limit) {
      truncated = true;
      break;
    }
    body += text;
    ++count;
  }
  size_t flags = flag_response | flag_authoritative | flag_recursion_available |
                 static_cast<size_t>(answer.rcode);
  if (query.recursion_desired) flags |= flag_recursion_desired;
  if (truncated) flags |= flag_truncated;
  std::string message;
  put_u16(message, query.id);
  put_u16(message, flags);
  put_u16(message, query.question.empty() ? 0 : 1);
  put_u16(message, count);
  put_u16(message, 0);
  put_u16(message, edns.empty() ? 0 : 1);
  return message + body + edns;
}

std::optional<uint32_t> parse_reverse_name(std::string_view name) {
  constexpr std::string_view suffix = ".in-addr.arpa";
  if (!name.ends_with(suffix)) return std::nullopt;
  name.remove_suffix(suffix.size());
  uint32_t address = 0;
  for (int i = 0; i < 4; ++i) {
    std::string_view label = name.substr(0, name.find('.'));
    if (label.empty() || label.size() > 3) return std::nullopt;
    unsigned number = 0;
    auto [end, error] = std::from_chars(label.data(), label.data() + label.size(), number);
    if (error != std::errc() || end != label.data() + label.size() || number > 255)
      return std::nullopt;
    address |= number << (8 * i);
    name.remove_prefix(std::min(name.size(), label.size() + 1));
  }
  return name.empty() ? std::optional(address) : std::nullopt;
}

// RFC 3596, section 2.5: the last nibble first.
std::optional<runtime::Ipv6Address> parse_reverse_name6(std::string_view name) {
  constexpr std::string_view suffix = ".ip6.arpa";
  constexpr size_t nibbles = 32;
  if (!name.ends_with(suffix)) return std::nullopt;
  name.remove_suffix(suffix.size());
  if (name.size() != 2 * nibbles - 1) return std::nullopt;
  runtime::Ipv6Address address{};
  for (size_t i = 0; i < nibbles; ++i) {
    uint8_t nibble = 0;
    const char* digit = name.data() + 2 * i;
    auto [end, error] = std::from_chars(digit, digit + 1, nibble, 16);
    if (error != std::errc() || (i > 0 && digit[-1] != '.')) return std::nullopt;
    const size_t byte = (nibbles - 1 - i) / 2;
    address[byte] |= static_cast<uint8_t>(i % 2 == 0 ? nibble : nibble << 4);
  }
  return address;
}

uint16_t message_id(std::string_view message) {
  return message.size() < 2 ? 0 : read_u16(message, 0);
}

void set_message_id(std::string& message, uint16_t id) {
  if (message.size() < 2) return;
  message[0] = static_cast<char>(id >> 8);
  message[1] = static_cast<char>(id & 0xff);
}

bool answers_question(std::string_view answer, const Query& query) {
  if (answer.size() < header_size + query.question.size()) return false;
  if ((read_u16(answer, 2) & flag_response) == 0 || read_u16(answer, 4) != 1) return false;
  // Case is the server's to change, or to keep (0x20 encoding).
  std::string_view asked = answer.substr(header_size, query.question.size());
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; };
  return std::equal(asked.begin(), asked.end(), query.question.begin(),
                    [&](char a, char b) { return lower(a) == lower(b); });
}

bool is_truncated(std::string_view answer) {
  return answer.size() >= header_size && (read_u16(answer, 2) & flag_truncated) != 0;
}

}  // namespace ctr::daemon::dns
