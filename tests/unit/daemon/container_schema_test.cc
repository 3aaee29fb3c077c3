#include "daemon/api/container_schema.h"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "runtime/sys/error.h"

using namespace ctr::daemon::api;
using nlohmann::json;

TEST_CASE("field names match in any case, unknown ones are dropped") {
  json config = normalise_config(json::parse(R"({"image":"alpine","TTY":true,"nonsense":[1]})"));
  CHECK(config["Image"] == "alpine");
  CHECK(config["Tty"] == true);
  CHECK_FALSE(config.contains("nonsense"));
}

TEST_CASE("what a client leaves out or gives as null has Docker's default") {
  json host = normalise_host_config(json::parse(R"({"Binds":null})"));
  CHECK(host["Binds"].is_null());
  CHECK(host["Dns"].is_null());
  CHECK(host["ConsoleSize"] == json::array({0, 0}));
  CHECK(host["MemorySwappiness"].is_null());
  CHECK(host["LogConfig"]["Type"] == "json-file");
  CHECK_FALSE(host.contains("Mounts"));
  CHECK(normalise_host_config(nullptr) == host);
}

TEST_CASE("a command may be one word or a list") {
  CHECK(normalise_config({{"Cmd", "ls"}})["Cmd"] == json::array({"ls"}));
  CHECK(normalise_config({{"Cmd", json::array({"ls", "-l"})}})["Cmd"] == json::array({"ls", "-l"}));
  CHECK(normalise_config({{"Entrypoint", json::array()}})["Entrypoint"] == json::array());
}

TEST_CASE("every field of HostConfig is kept, nested ones too") {
  json host = normalise_host_config(json::parse(R"({"mounts":[{"type":"bind","source":"/a",
      "target":"/b","bindoptions":{"propagation":"rslave"}}],"PortBindings":{"80/tcp":[{"HostPort":"8080"}],
      "81/tcp":null},"Ulimits":[{"Name":"nofile","Soft":1,"Hard":2}]})"));
  CHECK(host["Mounts"][0]["BindOptions"]["Propagation"] == "rslave");
  CHECK(host["PortBindings"]["80/tcp"][0]["HostPort"] == "8080");
  CHECK(host["PortBindings"]["80/tcp"][0]["HostIp"] == "");
  CHECK(host["PortBindings"]["81/tcp"] == json::array());
  CHECK(host["Ulimits"][0]["Hard"] == 2);
}

TEST_CASE("wrong types are refused and named (P07)") {
  CHECK_THROWS_WITH_AS(normalise_host_config({{"Memory", "lots"}}),
                       "invalid JSON: field HostConfig.Memory must be a whole number",
                       ctr::sys::Error);
  CHECK_THROWS_AS(normalise_host_config({{"Memory", 1.5}}), ctr::sys::Error);
  CHECK_THROWS_AS(normalise_host_config({{"Memory", 18446744073709551615ULL}}), ctr::sys::Error);
  CHECK_THROWS_AS(normalise_host_config({{"Memory", 1e300}}), ctr::sys::Error);
  CHECK_THROWS_AS(normalise_host_config({{"Binds", "a:b"}}), ctr::sys::Error);
  CHECK_THROWS_AS(normalise_host_config({{"ConsoleSize", {1, -1}}}), ctr::sys::Error);
  CHECK_THROWS_AS(normalise_config({{"Labels", {{"a", 1}}}}), ctr::sys::Error);
  CHECK_THROWS_AS(normalise_config({{"Env", {std::string("A=1\0B", 5)}}}), ctr::sys::Error);
  CHECK_THROWS_AS(normalise_config(json::array()), ctr::sys::Error);
  CHECK(normalise_host_config({{"Memory", 1e9}})["Memory"] == 1'000'000'000);
}

TEST_CASE("an update has only what the client sent") {
  json update = normalise_update({{"memory", 1}, {"Binds", json::array({"a:/b"})}});
  CHECK(update == json{{"Memory", 1}});
}
