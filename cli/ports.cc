#include "cli/ports.h"

#include <arpa/inet.h>

#include <charconv>

#include "runtime/sys/error.h"

namespace ctr::cli {

namespace {

struct Range {
  int first = 0;
  int last = 0;
  int size() const { return last - first + 1; }
};

[[noreturn]] void invalid(std::string_view text, std::string_view why) {
  throw sys::Error(sys::ErrorKind::invalid_argument,
                   fmt::format("invalid port '{}': {}; say for example 8080:80 or "
                               "127.0.0.1:8080:80/tcp",
                               text, why));
}

int parse_port(std::string_view whole, std::string_view text) {
  int port = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc() || end != text.data() + text.size() || port < 0 || port > 65535)
    invalid(whole, fmt::format("'{}' is not a port number", text));
  return port;
}

Range parse_range(std::string_view whole, std::string_view text) {
  size_t dash = text.find('-');
  Range range;
  range.first = parse_port(whole, text.substr(0, dash));
  range.last =
      dash == std::string_view::npos ? range.first : parse_port(whole, text.substr(dash + 1));
  if (range.last < range.first) invalid(whole, fmt::format("the range '{}' is empty", text));
  return range;
}

// Takes "/udp" from the end; "tcp" without it.
std::string take_protocol(std::string_view whole, std::string_view& text) {
  size_t slash = text.rfind('/');
  if (slash == std::string_view::npos) return "tcp";
  std::string protocol(text.substr(slash + 1));
  for (char& c : protocol)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  if (protocol != "tcp" && protocol != "udp" && protocol != "sctp")
    invalid(whole, fmt::format("'{}' is not a protocol (tcp, udp, sctp)", protocol));
  text = text.substr(0, slash);
  return protocol;
}

void check_address(std::string_view whole, const std::string& address) {
  unsigned char bytes[sizeof(in6_addr)];
  if (::inet_pton(AF_INET, address.c_str(), bytes) != 1 &&
      ::inet_pton(AF_INET6, address.c_str(), bytes) != 1)
    invalid(whole, fmt::format("'{}' is not an address", address));
}

// Takes "127.0.0.1:", "[::1]:" or ":" from the front, if there is more than host and container
// port.
std::string take_address(std::string_view whole, std::string_view& text) {
  std::string address;
  if (text.starts_with("[")) {
    size_t end = text.find("]:");
    if (end == std::string_view::npos) invalid(whole, "the address in brackets has no end");
    address = text.substr(1, end - 1);
    text.remove_prefix(end + 2);
  } else {
    size_t last = text.rfind(':');
    size_t before = last == std::string_view::npos || last == 0 ? last : text.rfind(':', last - 1);
    if (last == std::string_view::npos || last == 0 || before == std::string_view::npos) return "";
    address = text.substr(0, before);
    text.remove_prefix(before + 1);
  }
  if (!address.empty()) check_address(whole, address);
  return address;
}

}  // namespace

std::vector<PortMapping> parse_publish(std::string_view text) {
  std::string_view rest = text;
  std::string protocol = take_protocol(text, rest);
  std::string address = take_address(text, rest);
  size_t colon = rest.rfind(':');
  std::string_view host = colon == std::string_view::npos ? "" : rest.substr(0, colon);
  std::string_view inside = colon == std::string_view::npos ? rest : rest.substr(colon + 1);
  if (inside.empty()) invalid(text, "no port of the container is given");
  Range container = parse_range(text, inside);
  if (container.first == 0) invalid(text, "a container's port cannot be 0");
  std::vector<PortMapping> mappings;
  bool pick_one = false;
  Range outside;
  if (!host.empty()) {
    outside = parse_range(text, host);
    pick_one = container.size() == 1 && outside.size() > 1;
    if (!pick_one && outside.size() != container.size())
      invalid(text, "the two ranges are not equally long");
  }
  for (int i = 0; i < container.size(); ++i) {
    PortMapping mapping{.container = fmt::format("{}/{}", container.first + i, protocol),
                        .host_ip = address,
                        .host_port = ""};
    if (pick_one)
      mapping.host_port = std::string(host);
    else if (!host.empty())
      mapping.host_port = std::to_string(outside.first + i);
    mappings.push_back(std::move(mapping));
  }
  return mappings;
}

std::vector<std::string> parse_expose(std::string_view text) {
  std::string_view rest = text;
  if (rest.find(':') != std::string_view::npos)
    invalid(text, "--expose takes ports of the container only");
  std::string protocol = take_protocol(text, rest);
  Range range = parse_range(text, rest);
  if (range.first == 0) invalid(text, "a container's port cannot be 0");
  std::vector<std::string> ports;
  for (int port = range.first; port <= range.last; ++port)
    ports.push_back(fmt::format("{}/{}", port, protocol));
  return ports;
}

}  // namespace ctr::cli
