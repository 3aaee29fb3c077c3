#include "daemon/config.h"

#include <doctest/doctest.h>

#include "daemon/config_settings.h"
#include "daemon/logging.h"
#include "daemon/machine.h"
#include "runtime/sys/error.h"

using namespace ctr::daemon;
using ctr::sys::Error;

namespace {

CommandLine parse(std::vector<const char*> arguments) {
  arguments.insert(arguments.begin(), "ctrd");
  return parse_command_line(static_cast<int>(arguments.size()), arguments.data());
}

Config read_file(const std::string& text, const std::set<std::string>& given = {}) {
  Config config;
  apply_config_file(config, "daemon.json", text, given);
  return config;
}

}  // namespace

TEST_CASE("flags bear dockerd's names and may be repeated where they are lists") {
  Config config = parse({"--data-root",
                         "/d/",
                         "--exec-root=/e",
                         "-H",
                         "unix:///a.sock",
                         "-H",
                         "/b.sock",
                         "--registry-mirror",
                         "http://m",
                         "--insecure-registry",
                         "a:5000",
                         "--insecure-registry",
                         "b",
                         "--iptables=false",
                         "--bip",
                         "10.0.0.1/16",
                         "--mtu",
                         "1400",
                         "--default-ulimit",
                         "nofile=10:20",
                         "--log-opt",
                         "max-size=1m",
                         "-D"})
                      .config;
  CHECK(config.data_root == "/d");
  CHECK(config.hosts == std::vector<std::string>{"unix:///a.sock", "unix:///b.sock"});
  CHECK(config.pidfile == "/e/ctrd.pid");
  CHECK(config.insecure_registries == std::vector<std::string>{"a:5000", "b"});
  CHECK_FALSE(config.iptables);
  CHECK(config.mtu == 1400);
  CHECK(config.default_ulimits["nofile"].hard == 20);
  CHECK(config.log_options["max-size"] == "1m");
  CHECK(config.log_level == "debug");
}

TEST_CASE("the socket is below the exec root unless it is said otherwise") {
  CHECK(parse({"--exec-root", "/e"}).config.hosts ==
        std::vector<std::string>{"unix:///e/ctrd.sock"});
}

TEST_CASE("what cannot be meant is one clear error") {
  CHECK_THROWS_AS(parse({"--foo"}), Error);
  CHECK_THROWS_AS(parse({"--log-level"}), Error);
  CHECK_THROWS_AS(parse({"--mtu", "many"}), Error);
  CHECK_THROWS_WITH_AS(parse({"--data-root", "x"}), "invalid data-root 'x': must be absolute",
                       Error);
  CHECK_THROWS_WITH_AS(parse({"--log-driver", "syslog"}),
                       "invalid log-driver 'syslog': must be one of json-file, none", Error);
  CHECK_THROWS_AS(parse({"--log-level", "loud"}), Error);
  CHECK_THROWS_AS(parse({"-H", "tcp://0.0.0.0:2375"}), Error);
  CHECK_THROWS_AS(parse({"--config-file", "/no/such/file"}), Error);
}

TEST_CASE("what dockerd protects with and we do not is refused, not ignored") {
  CHECK_THROWS_WITH_AS(parse({"--selinux-enabled"}),
                       "setting 'selinux-enabled' is not supported by ctrd: remove it", Error);
  CHECK_NOTHROW(parse({"--selinux-enabled=false"}));
  CHECK_THROWS_AS(parse({"--default-runtime", "runsc"}), Error);
  CHECK_THROWS_AS(parse({"--exec-opt", "native.cgroupdriver=systemd"}), Error);
  CHECK_THROWS_AS(parse({"--default-ipc-mode", "host"}), Error);
  CHECK_THROWS_AS(parse({"--tlscert", "/x"}), Error);
  CHECK(parse({"--live-restore", "--storage-driver", "overlay2"}).config.warnings.size() == 2);
}

TEST_CASE("the default bridge is described as for dockerd") {
  Config config =
      read_file(R"({"ipv6": true, "fixed-cidr-v6": "fd00::/64", "fixed-cidr": "172.17.1.0/24",
      "ip": "127.0.0.1", "ip-masq": false})");
  CHECK(config.ipv6);
  CHECK(config.fixed_cidr6 == "fd00::/64");
  CHECK(config.fixed_cidr == "172.17.1.0/24");
  CHECK(config.host_ip == "127.0.0.1");
  CHECK_FALSE(config.ip_masq);
  CHECK_FALSE(parse({"--icc=false"}).config.icc);
}

TEST_CASE("the configuration file has dockerd's keys") {
  Config config = read_file(R"({"data-root": "/d", "hosts": ["fd://"], "icc": false, "mtu": 9000,
      "registry-mirrors": ["https://m"], "log-opts": {"max-file": "3"}, "features": {"a": true},
      "default-ulimits": {"nofile": {"Name": "nofile", "Soft": 1, "Hard": 2}}, "dns": null})");
  CHECK(config.data_root == "/d");
  CHECK(config.hosts == std::vector<std::string>{"fd://"});
  CHECK_FALSE(config.icc);
  CHECK(config.mtu == 9000);
  CHECK(config.log_options["max-file"] == "3");
  CHECK(config.default_ulimits["nofile"].soft == 1);
  CHECK(config.warnings == std::vector<std::string>{"setting 'features' has no effect in ctrd"});
  CHECK(read_file("").data_root == "/var/lib/ctr");
}

TEST_CASE("address pools are one flag each, and objects in the file") {
  const auto pools = parse({"--default-address-pool", "base=10.10.0.0/16,size=24",
                            "--default-address-pool", "size=25,base=10.11.0.0/16"})
                         .config.default_address_pools;
  REQUIRE(pools.size() == 2);
  CHECK(pools[1].base == "10.11.0.0/16");
  CHECK(pools[1].size == 25);
  CHECK_THROWS_AS(parse({"--default-address-pool", "10.10.0.0/16"}), Error);
  CHECK(read_file(R"({"default-address-pools": [{"base": "10.9.0.0/16", "size": 20}]})")
            .default_address_pools[0]
            .size == 20);
}

TEST_CASE("a bad configuration file is refused with its name") {
  CHECK_THROWS_WITH_AS(read_file(R"({"dataroot": "/d"})"),
                       "unable to configure the daemon with file daemon.json: the following "
                       "directives don't match any configuration option: dataroot",
                       Error);
  CHECK_THROWS_WITH_AS(read_file(R"({"mtu": 1500})", {"mtu"}),
                       "unable to configure the daemon with file daemon.json: the following "
                       "directives are specified both as a flag and in the configuration file: mtu",
                       Error);
  CHECK_THROWS_AS(read_file(R"({"mtu": "big"})"), Error);
  CHECK_THROWS_AS(read_file(R"(["x"])"), Error);
  CHECK_THROWS_AS(read_file("{"), Error);
}

TEST_CASE("limits are parsed as docker does") {
  CHECK(parse_ulimit("nofile=1024:2048").second.hard == 2048);
  CHECK(parse_ulimit("core=0").second.hard == 0);
  CHECK(parse_ulimit("memlock=-1:-1").second.soft == -1);
  for (const char* text : {"", "nofile", "=1", "nofile=", "nofile=2:1", "nofile=x", "nofile=-1:5",
                           "nofile=1:2:3", "nofile=-2"}) {
    CAPTURE(text);
    CHECK_THROWS_AS(parse_ulimit(text), Error);
  }
}

TEST_CASE("version, help and the other things to do") {
  CHECK(parse({"--version"}).text == "ctrd version " CTR_VERSION "\n");
  CHECK(parse({"--help"}).text.find("--data-root") != std::string::npos);
  CHECK(parse({"--validate"}).action == CommandLine::Action::validate);
  CommandLine line = parse({"apply-layer", "/dir"});
  CHECK(line.action == CommandLine::Action::apply_layer);
  CHECK(line.directory == "/dir");
  CHECK_THROWS_AS(parse({"apply-layer"}), Error);
}

TEST_CASE("what a client wrote cannot begin a line of the log") {
  CHECK(format_log_line(LogFormat::text, "T", LogLevel::warn, "bad \"thing\"",
                        {{"id", "4f2a"}, {"name", "a\nlevel=error"}, {"none", ""}}) ==
        R"(time="T" level=warning msg="bad \"thing\"" id=4f2a name="a\nlevel=error" none="")");
  CHECK(format_log_line(LogFormat::json, "T", LogLevel::info, "m", {{"a", "\xff"}}) ==
        "{\"time\":\"T\",\"level\":\"info\",\"msg\":\"m\",\"a\":\"\xef\xbf\xbd\"}");
}

TEST_CASE("os-release is read with and without quotes") {
  const std::string text = "NAME=x\nPRETTY_NAME=\"Debian GNU/Linux 12\"\nVERSION_ID='12'";
  CHECK(os_release_value(text, "PRETTY_NAME") == "Debian GNU/Linux 12");
  CHECK(os_release_value(text, "VERSION_ID") == "12");
  CHECK(os_release_value(text, "NAME") == "x");
  CHECK(os_release_value(text, "ID").empty());
}
