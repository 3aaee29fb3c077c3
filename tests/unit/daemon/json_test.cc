#include "daemon/api/json.h"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "runtime/sys/error.h"

using ctr::daemon::dump_json;
using ctr::daemon::JsonObject;
using ctr::daemon::parse_json;
using ctr::sys::Error;
using nlohmann::json;

TEST_CASE("keys are found in any case, an exact one first") {
  json body = parse_json(R"({"hostconfig": {"MEMORY": 7}, "tty": true, "Tty": false})");
  JsonObject object(body);
  CHECK(object.boolean("Tty", true) == false);
  CHECK(object.find_object("HostConfig")->integer("Memory") == 7);
}

TEST_CASE("null is as good as absent, unknown keys are nobody's business") {
  json body = parse_json(R"({"Cmd": null, "Env": null, "Labels": null, "X-Unknown": [1]})");
  JsonObject object(body);
  CHECK_FALSE(object.find_strings("Cmd"));
  CHECK(object.strings("Env").empty());
  CHECK(object.string_map("Labels").empty());
  CHECK(object.string("Image", "none") == "none");
  CHECK_FALSE(object.has("Cmd"));
}

TEST_CASE("an empty list is not an absent one") {
  json body = parse_json(R"({"Entrypoint": [], "Cmd": "ls"})");
  JsonObject object(body);
  CHECK(object.find_strings("Entrypoint")->empty());
  CHECK(object.find_string_or_strings("Cmd") == std::vector<std::string>{"ls"});
}

TEST_CASE("a wrong type is an error that names the field") {
  json body = parse_json(R"({"HostConfig": {"Memory": "1g", "Binds": [1], "Sysctls": {"a": 1}},
                             "NetworkingConfig": []})");
  JsonObject object(body);
  JsonObject host = *object.find_object("HostConfig");
  CHECK_THROWS_WITH_AS(host.integer("Memory"),
                       "json: cannot unmarshal string into field HostConfig.Memory of type int64",
                       Error);
  CHECK_THROWS_WITH_AS(host.strings("Binds"),
                       "json: cannot unmarshal number into field HostConfig.Binds of type string",
                       Error);
  CHECK_THROWS_AS(host.string_map("Sysctls"), Error);
  CHECK_THROWS_WITH_AS(object.find_object("NetworkingConfig"),
                       "json: cannot unmarshal array into field NetworkingConfig of type object",
                       Error);
  CHECK_THROWS_AS(JsonObject(json::array()), Error);
}

TEST_CASE("numbers that are no int64 are refused (P07)") {
  for (const char* number :
       {"18446744073709551615", "9223372036854775808", "1e3", "1.5", "1e300"}) {
    CAPTURE(number);
    json body = parse_json(std::string(R"({"Memory": )") + number + "}");
    CHECK_THROWS_AS(JsonObject(body).integer("Memory"), Error);
  }
  json body = parse_json(R"({"Memory": -0})");
  CHECK(JsonObject(body).integer("Memory") == 0);
  CHECK_THROWS_AS(parse_json("1e400"), Error);
}

TEST_CASE("malformed JSON is an error and never more than that (M08)") {
  for (const char* text : {"", "{", "{\"a\":}", "nul", "{} {}", "\"\xff\"", "[1,]", "{\"a\" 1}"}) {
    CAPTURE(text);
    CHECK_THROWS_AS(parse_json(text), Error);
  }
}

TEST_CASE("nesting is bounded (P07)") {
  CHECK_NOTHROW(parse_json(std::string(100, '[') + std::string(100, ']')));
  CHECK_THROWS_AS(parse_json(std::string(200, '[') + std::string(200, ']')), Error);
  CHECK_THROWS_AS(parse_json(std::string(100'000, '[')), Error);
}

TEST_CASE("lists and maps of objects keep their names for the errors") {
  json body = parse_json(R"({"Mounts": [{"Type": "bind"}, null, {"Type": 3}],
                             "EndpointsConfig": {"bridge": {}, "other": null},
                             "ExposedPorts": {"80/tcp": {}, "53/udp": null}})");
  JsonObject object(body);
  auto mounts = object.objects("Mounts");
  REQUIRE(mounts.size() == 2);
  CHECK(mounts[0].string("Type") == "bind");
  CHECK_THROWS_WITH(mounts[1].string("Type"),
                    "json: cannot unmarshal number into field Mounts[2].Type of type string");
  CHECK(object.object_map("EndpointsConfig").size() == 2);
  CHECK(object.key_set("ExposedPorts") == std::vector<std::string>{"53/udp", "80/tcp"});
}

TEST_CASE("bytes that are no UTF-8 can be written") {
  CHECK(dump_json({{"name", "a\xff"}}) == "{\"name\":\"a\xef\xbf\xbd\"}");
}
