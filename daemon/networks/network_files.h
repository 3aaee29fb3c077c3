// What a container finds in /etc/hosts, /etc/hostname and /etc/resolv.conf. Pure: texts in, texts
// out. Every value that comes from a request is checked, since a line break in it would add lines
// of the requester's choice (U07).
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ctr::daemon {

// Another container, by all the names that it has here.
struct LinkedHost {
  std::string address;
  std::vector<std::string> names;
};

struct HostsInput {
  std::string hostname;
  std::string domainname;
  std::vector<std::string> addresses;  // the container's own, none with --network none
  std::vector<std::string>
      extra_hosts;           // --add-host: "name:ip" or "name=ip"; ip may be "host-gateway"
  std::vector<LinkedHost> linked;  // --link
  std::string host_gateway;  // what "host-gateway" stands for: the bridge's address
  std::string host_file;     // --network host: the host's /etc/hosts, else empty
};
// Throws Error{invalid_argument} `bad format for add-host: "x"`, `invalid IP address in add-host:
// "x"`.
std::string hosts_file(const HostsInput& input);

// "name" and a line break. Throws Error{invalid_argument} for a name that is none.
std::string hostname_file(std::string_view hostname);
// Letters, digits, '-', '.', '_', at most 64 characters (the kernel's limit); no leading '-' or
// '.'.
void check_hostname(std::string_view hostname);
void check_extra_host(std::string_view entry);

struct ResolvInput {
  std::string host_file;     // see host_resolv_conf()
  bool name_server = false;  // our own answers in the container, and asks `nameservers` itself
  bool share_host = false;   // --network host: the host's loopback resolvers can be reached
  std::vector<std::string> nameservers;  // --dns
  std::vector<std::string> search;       // --dns-search; "." alone: none at all
  std::vector<std::string> options;      // --dns-option
};
// The host's file without the nameservers that a container could not reach (on the host's loopback,
// or IPv6), with the request's values in place of the file's. Public resolvers if no nameserver is
// left.
std::string resolv_conf(const ResolvInput& input);

// The host's /etc/resolv.conf; systemd-resolved's list of real servers if its stub 127.0.0.53 is
// the only server there. Empty if there is none. `root` is "" but in tests.
std::string host_resolv_conf(const std::string& root = "");

}  // namespace ctr::daemon
