#include <doctest/doctest.h>
#include <stdlib.h>

#include <string>

#include "daemon/networks/network_files.h"
#include "runtime/sys/error.h"
#include "runtime/sys/file.h"

using namespace ctr::daemon;
using ctr::sys::Error;

namespace {

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("a container's hosts file has localhost, its own name and the extra hosts") {
  std::string text = hosts_file(
      {.hostname = "web",
       .domainname = "",
       .addresses = {"172.17.0.2"},
       .extra_hosts = {"db:10.0.0.5", "gw=host-gateway", "six:fd00::1", "seven=[fd00::2]"},
       .host_gateway = "172.17.0.1",
       .host_file = ""});
  CHECK(text.starts_with("127.0.0.1\tlocalhost\n"));
  CHECK(has(text, "\n10.0.0.5\tdb\n"));
  CHECK(has(text, "\n172.17.0.1\tgw\n"));
  CHECK(has(text, "\nfd00::1\tsix\n"));
  CHECK(has(text, "\nfd00::2\tseven\n"));
  CHECK(text.ends_with("\n172.17.0.2\tweb\n"));
}

TEST_CASE("with a domain name, the full name comes first") {
  HostsInput input;
  input.hostname = "web";
  input.domainname = "example.org";
  input.addresses = {"172.17.0.2"};
  CHECK(hosts_file(input).ends_with("172.17.0.2\tweb.example.org web\n"));
}

TEST_CASE("with the host's network, the host's file is kept") {
  HostsInput input;
  input.host_file = "127.0.0.1 localhost\n10.9.9.9 intranet";
  input.extra_hosts = {"db:10.0.0.5"};
  CHECK(hosts_file(input) == "127.0.0.1 localhost\n10.9.9.9 intranet\n10.0.0.5\tdb\n");
}

TEST_CASE("a line break or a blank in a request adds no line to a generated file (U07)") {
  for (const char* entry : {"a\nb:10.0.0.1", "a:10.0.0.1\nevil", "a b:10.0.0.1", "a:10.0.0.1 evil",
                            "a:", ":10.0.0.1", "a", "", "a:host-gateway\n", "a:1.2.3"})
    CHECK_THROWS_AS(check_extra_host(entry), Error);
  for (const char* name : {"a b\n", "a\n", "", "-a", ".a", "a/b", "a\tb", "a\rb"})
    CHECK_THROWS_AS(hostname_file(name), Error);
  HostsInput input;
  input.hostname = "good";
  input.domainname = "bad\n10.0.0.1 evil";
  CHECK_THROWS_AS(hosts_file(input), Error);
  for (const char* server : {"10.0.0.1\nnameserver 6.6.6.6", "10.0.0.1 ", "dns.example", ""}) {
    ResolvInput resolv;
    resolv.nameservers = {server};
    CHECK_THROWS_AS(resolv_conf(resolv), Error);
  }
  ResolvInput search;
  search.search = {"example.org\nnameserver 6.6.6.6"};
  CHECK_THROWS_AS(resolv_conf(search), Error);
  ResolvInput option;
  option.options = {"ndots:5\nnameserver 6.6.6.6"};
  CHECK_THROWS_AS(resolv_conf(option), Error);
}

TEST_CASE("host-gateway needs a gateway") {
  HostsInput input;
  input.extra_hosts = {"gw:host-gateway"};
  CHECK_THROWS_AS(hosts_file(input), Error);
}

TEST_CASE("the host's name cannot be longer than the kernel's") {
  CHECK(hostname_file(std::string(64, 'a')).size() == 65);
  CHECK_THROWS_AS(hostname_file(std::string(65, 'a')), Error);
}

TEST_CASE("nameservers that the container cannot reach are left out") {
  ResolvInput input;
  input.host_file =
      "# comment\nnameserver 127.0.0.1\nnameserver ::1\nnameserver 10.0.0.53\n"
      "search example.org corp\noptions ndots:2 edns0\n";
  CHECK(resolv_conf(input) ==
        "nameserver 10.0.0.53\nsearch example.org corp\noptions ndots:2 edns0\n");
  input.share_host = true;
  CHECK(has(resolv_conf(input), "nameserver 127.0.0.1\nnameserver ::1\nnameserver 10.0.0.53\n"));
}

TEST_CASE("without any nameserver left, public ones are used") {
  ResolvInput input;
  CHECK(resolv_conf(input) == "nameserver 8.8.8.8\nnameserver 1.1.1.1\n");
  input.share_host = true;
  CHECK(resolv_conf(input).empty());
}

TEST_CASE("the request's values replace the host's") {
  ResolvInput input;
  input.host_file = "nameserver 10.0.0.53\nsearch example.org\noptions ndots:2\n";
  input.nameservers = {"9.9.9.9", "2001:db8::1"};
  input.search = {"."};
  input.options = {"timeout:1"};
  CHECK(resolv_conf(input) == "nameserver 9.9.9.9\nnameserver 2001:db8::1\noptions timeout:1\n");
}

TEST_CASE("systemd-resolved's stub is replaced by the servers that it asks") {
  char name[] = "/tmp/ctr-resolv-XXXXXX";
  REQUIRE(::mkdtemp(name) != nullptr);
  std::string root = name;
  auto write = [&](const std::string& path, const std::string& text) {
    ctr::sys::write_atomically(root + path, text, 0644, ctr::sys::Durability::until_reboot);
  };
  CHECK(host_resolv_conf(root).empty());
  ctr::sys::make_directories(root + "/etc", 0755);
  write("/etc/resolv.conf", "nameserver 127.0.0.53\n");
  CHECK(host_resolv_conf(root) == "nameserver 127.0.0.53\n");
  ctr::sys::make_directories(root + "/run/systemd/resolve", 0755);
  write("/run/systemd/resolve/resolv.conf", "nameserver 192.0.2.53\n");
  CHECK(host_resolv_conf(root) == "nameserver 192.0.2.53\n");
  write("/etc/resolv.conf", "nameserver 127.0.0.53\nnameserver 192.0.2.54\n");
  CHECK(has(host_resolv_conf(root), "192.0.2.54"));
  ctr::sys::remove_tree(root);
}
