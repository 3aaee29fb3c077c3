#include "daemon/networks/network_files.h"

#include <arpa/inet.h>

#include <algorithm>
#include <optional>

#include "runtime/sys/error.h"
#include "runtime/sys/file.h"

namespace ctr::daemon {

using sys::Error;
using sys::ErrorKind;

namespace {

constexpr size_t hostname_limit = 64;  // HOST_NAME_MAX: what sethostname(2) takes
constexpr size_t name_limit = 253;     // a domain name in text form
constexpr size_t file_limit = 1 << 20;
constexpr size_t nameserver_limit = 16;

[[noreturn]] void refuse(std::string message) {
  throw Error(ErrorKind::invalid_argument, std::move(message));
}

// What a request's value may not hold anywhere in these files: it would end its field or its line.
bool has_blank_or_control(std::string_view text) {
  return std::any_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) <= ' ' || c == 127; });
}

bool is_address(std::string_view text) {
  if (has_blank_or_control(text)) return false;
  // "fe80::1%eth0": resolvers take a zone.
  std::string address(text.substr(0, text.find('%')));
  unsigned char binary[sizeof(in6_addr)];
  bool zoned = address.size() != text.size();
  return (!zoned && ::inet_pton(AF_INET, address.c_str(), binary) == 1) ||
         ::inet_pton(AF_INET6, address.c_str(), binary) == 1;
}

bool is_loopback(std::string_view text) {
  return text.starts_with("127.") || text == "::1";
}

bool is_host_name(std::string_view name, size_t limit) {
  if (name.empty() || name.size() > limit || name.front() == '-' || name.front() == '.')
    return false;
  return std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_';
  });
}

struct ExtraHost {
  std::string name;
  std::string address;
};

// "name:ip", the form of old, in which an IPv6 address has more colons, or "name=ip"; brackets
// around the address are allowed.
ExtraHost parse_extra_host(std::string_view entry) {
  size_t separator = entry.find_first_of("=:");
  if (separator == std::string_view::npos || separator == 0 || separator + 1 == entry.size())
    refuse(fmt::format("bad format for add-host: \"{}\"", entry));
  ExtraHost host{std::string(entry.substr(0, separator)), std::string(entry.substr(separator + 1))};
  if (host.address.size() > 2 && host.address.front() == '[' && host.address.back() == ']')
    host.address = host.address.substr(1, host.address.size() - 2);
  if (!is_host_name(host.name, name_limit))
    refuse(fmt::format("bad format for add-host: \"{}\"", entry));
  if (host.address != "host-gateway" && !is_address(host.address))
    refuse(fmt::format("invalid IP address in add-host: \"{}\"", host.address));
  return host;
}

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    size_t end = std::min(text.find('\n'), text.size());
    lines.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

std::vector<std::string> words_of(std::string_view line) {
  std::vector<std::string> words;
  for (size_t start = 0;
       (start = line.find_first_not_of(" \t\r", start)) != std::string_view::npos;) {
    size_t end = std::min(line.find_first_of(" \t\r", start), line.size());
    words.emplace_back(line.substr(start, end - start));
    start = end;
  }
  return words;
}

// The parts of a resolv.conf(5) that matter; the last "search" or "domain" wins, as in the
// resolver.
struct Resolver {
  std::vector<std::string> nameservers;
  std::vector<std::string> search;
  std::vector<std::string> options;
};

Resolver parse_resolver(std::string_view text) {
  Resolver resolver;
  for (std::string_view line : lines_of(text)) {
    std::vector<std::string> words = words_of(line);
    if (words.size() < 2 || words[0][0] == '#' || words[0][0] == ';') continue;
    std::vector<std::string> values(words.begin() + 1, words.end());
    if (words[0] == "nameserver" && is_address(values[0]))
      resolver.nameservers.push_back(values[0]);
    else if (words[0] == "search" || words[0] == "domain")
      resolver.search = values;
    else if (words[0] == "options")
      resolver.options.insert(resolver.options.end(), values.begin(), values.end());
  }
  return resolver;
}

void check_resolver_request(const ResolvInput& input) {
  if (input.nameservers.size() > nameserver_limit)
    refuse(fmt::format("too many nameservers: {} (at most {})", input.nameservers.size(),
                       nameserver_limit));
  for (const std::string& server : input.nameservers)
    if (!is_address(server)) refuse(fmt::format("invalid nameserver address: {}", server));
  for (const std::string& domain : input.search)
    if (domain != "." && !is_host_name(domain, name_limit))
      refuse(fmt::format("invalid search domain: '{}'", domain));
  for (const std::string& option : input.options)
    if (option.empty() || has_blank_or_control(option))
      refuse(fmt::format("invalid DNS option: '{}'", option));
}

std::string line_of(std::string_view keyword, const std::vector<std::string>& values) {
  if (values.empty()) return "";
  return fmt::format("{} {}\n", keyword, fmt::join(values, " "));
}

}  // namespace

void check_hostname(std::string_view hostname) {
  if (!is_host_name(hostname, hostname_limit))
    refuse(fmt::format("invalid hostname '{}': letters, digits, '-', '.' and '_', at most {}",
                       hostname, hostname_limit));
}

void check_extra_host(std::string_view entry) {
  parse_extra_host(entry);
}

std::string hostname_file(std::string_view hostname) {
  check_hostname(hostname);
  return std::string(hostname) + "\n";
}

std::string hosts_file(const HostsInput& input) {
  std::string text = input.host_file;
  if (text.empty())
    text =
        "127.0.0.1\tlocalhost\n"
        "::1\tlocalhost ip6-localhost ip6-loopback\n"
        "fe00::\tip6-localnet\n"
        "ff00::\tip6-mcastprefix\n"
        "ff02::1\tip6-allnodes\n"
        "ff02::2\tip6-allrouters\n";
  else if (text.back() != '\n')
    text += '\n';
  for (const std::string& entry : input.extra_hosts) {
    ExtraHost host = parse_extra_host(entry);
    if (host.address == "host-gateway") {
      // With the host's network, the host is where the container is.
      if (input.host_gateway.empty() && input.host_file.empty())
        refuse("unable to derive the IP value for host-gateway: the container has no gateway");
      host.address = input.host_gateway.empty() ? "127.0.0.1" : input.host_gateway;
    }
    text += fmt::format("{}\t{}\n", host.address, host.name);
  }
  for (const LinkedHost& host : input.linked) {
    for (const std::string& name : host.names)
      if (!is_host_name(name, name_limit)) refuse(fmt::format("invalid name of a link: '{}'", name));
    text += fmt::format("{}\t{}\n", host.address, fmt::join(host.names, " "));
  }
  if (input.hostname.empty()) return text;
  check_hostname(input.hostname);
  std::string names = input.hostname;
  if (!input.domainname.empty()) {
    if (!is_host_name(input.domainname, name_limit))
      refuse(fmt::format("invalid domainname '{}'", input.domainname));
    names = fmt::format("{}.{} {}", input.hostname, input.domainname, input.hostname);
  }
  for (const std::string& address : input.addresses)
    text += fmt::format("{}\t{}\n", address, names);
  return text;
}

constexpr const char* name_server_address = "127.0.0.11";  // runtime/monitor/name_sockets.cc

std::string resolv_conf(const ResolvInput& input) {
  check_resolver_request(input);
  Resolver resolver = parse_resolver(input.host_file);
  // From inside, the host's loopback cannot be reached, nor (bridges are IPv4 only) an IPv6 server.
  if (!input.share_host)
    std::erase_if(resolver.nameservers, [](const std::string& server) {
      return is_loopback(server) || server.find(':') != std::string::npos;
    });
  if (!input.nameservers.empty()) resolver.nameservers = input.nameservers;
  if (!input.search.empty()) resolver.search = input.search;
  if (!input.options.empty()) resolver.options = input.options;
  if (resolver.search == std::vector<std::string>{"."}) resolver.search.clear();
  // The host itself resolves nothing, or only through its loopback: anybody's resolver is better
  // than none. With the host's network, the host's choice stands.
  if (resolver.nameservers.empty() && !input.share_host)
    resolver.nameservers = {"8.8.8.8", "1.1.1.1"};
  if (input.name_server) {
    resolver.nameservers = {name_server_address};
    // As Docker: names without a dot are tried as they are first, which is what containers are
    // called.
    bool given =
        std::any_of(resolver.options.begin(), resolver.options.end(),
                    [](const std::string& option) { return option.starts_with("ndots:"); });
    if (!given) resolver.options.push_back("ndots:0");
  }

  std::string text;
  for (const std::string& server : resolver.nameservers) text += "nameserver " + server + "\n";
  return text + line_of("search", resolver.search) + line_of("options", resolver.options);
}

std::string host_resolv_conf(const std::string& root) {
  std::string text = sys::find_file(root + "/etc/resolv.conf", file_limit).value_or("");
  if (parse_resolver(text).nameservers != std::vector<std::string>{"127.0.0.53"}) return text;
  // systemd-resolved listens on the host's loopback only; the servers that it asks are listed here.
  return sys::find_file(root + "/run/systemd/resolve/resolv.conf", file_limit).value_or(text);
}

}  // namespace ctr::daemon
