#include <doctest/doctest.h>

#include "image/image_config.h"
#include "image/manifest.h"
#include "image/media_type.h"
#include "runtime/sys/error.h"

using namespace ctr;
using namespace ctr::image;

namespace {

const std::string digest = "sha256:" + std::string(64, 'a');

std::string descriptor(std::string_view type, std::string_view size = "10",
                       std::string_view name = digest) {
  return fmt::format(R"({{"mediaType":"{}","digest":"{}","size":{}}})", type, name, size);
}

std::string manifest(std::string_view layer, std::string_view more = "") {
  return fmt::format(R"({{"schemaVersion":2,"config":{},"layers":[{}]{}}})",
                     descriptor(media_type::oci_config), layer, more);
}

std::string config(std::string_view members) {
  return fmt::format(R"({{"os":"linux","architecture":"amd64",{}}})", members);
}

}  // namespace

TEST_CASE("a manifest lists its configuration and its layers") {
  Manifest parsed = parse_manifest(manifest(descriptor(media_type::oci_layer_gzip)));
  CHECK(parsed.media_type == media_type::oci_manifest);
  CHECK(parsed.config.media_type == media_type::oci_config);
  REQUIRE(parsed.layers.size() == 1);
  CHECK(parsed.layers[0].size == 10);
  CHECK(parsed.layers[0].digest.text() == digest);
  CHECK_NOTHROW(expect_container_image(parsed));
}

TEST_CASE("a manifest's own text reads back as the same") {
  Manifest parsed = parse_manifest(manifest(descriptor(media_type::docker_layer_gzip)));
  Manifest again = parse_manifest(manifest_text(parsed), media_type::oci_manifest);
  CHECK(manifest_text(again) == manifest_text(parsed));
}

TEST_CASE("ambiguous documents are refused (G05)") {
  const std::string layer = descriptor(media_type::oci_layer);
  const auto refused = [](const std::string& text, std::string_view type = {}) {
    CAPTURE(text);
    CHECK_THROWS_AS(parse_manifest_or_index(text, type), sys::Error);
  };
  refused(manifest(layer, R"(,"manifests":[])"));
  refused(manifest(layer, R"(,"fsLayers":[])"));
  refused(manifest(layer), media_type::oci_index);
  refused(manifest(layer, R"(,"mediaType":"application/vnd.oci.image.index.v1+json")"));
  refused(manifest(layer, R"(,"mediaType":"application/vnd.oci.image.manifest.v1+json")"),
          media_type::docker_manifest);
  refused(manifest(layer, R"(,"layers":[])"));
  refused(R"({"schemaVersion":2})");
  refused(R"({"schemaVersion":2,"manifests":{}})");
  refused(R"({"manifests":[]})");
  refused(R"({"schemaVersion":"2","manifests":[]})");
  refused(manifest(layer), "application/vnd.docker.distribution.manifest.v1+prettyjws");
}

TEST_CASE("a sender that knows no better is no contradiction") {
  for (const char* type : {"", "application/json", "text/plain", "application/octet-stream"})
    CHECK_NOTHROW(parse_manifest(manifest(descriptor(media_type::oci_layer)), type));
}

TEST_CASE("sizes are positive numbers (G02)") {
  for (const char* size : {"0", "-1", "1.5", "\"1\"", "null", "9223372036854775808", "1e3", "[]"}) {
    CAPTURE(size);
    CHECK_THROWS_AS(parse_manifest(manifest(descriptor(media_type::oci_layer, size))), sys::Error);
  }
}

TEST_CASE("digests are sha256 in lower case (G06)") {
  for (const std::string& text :
       {std::string("sha256:../../../etc/x"), "sha256:" + std::string(63, 'a'),
        "sha256:" + std::string(64, 'A'), "md5:" + std::string(64, 'a'), std::string(64, 'a'),
        "sha512:" + std::string(128, 'a'), std::string(), "sha256:" + std::string(65, 'a')}) {
    CAPTURE(text);
    CHECK_FALSE(Digest::is_valid(text));
    CHECK_THROWS_AS(parse_manifest(manifest(descriptor(media_type::oci_layer, "1", text))),
                    sys::Error);
  }
}

TEST_CASE("media types that cannot be unpacked are unsupported (G09)") {
  for (const char* type :
       {"application/vnd.oci.image.layer.v1.tar+gzip+encrypted", "", "text/plain",
        "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
        "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip"}) {
    CAPTURE(type);
    CHECK_THROWS_AS(expect_container_image(parse_manifest(manifest(descriptor(type)))), sys::Error);
  }
}

TEST_CASE("hostile JSON is an error and nothing else (M08)") {
  const auto refused = [](const std::string& text) {
    CHECK_THROWS_AS(parse_manifest_or_index(text, ""), sys::Error);
    CHECK_THROWS_AS(parse_image_config(text), sys::Error);
  };
  refused("");
  refused("null");
  refused("[]");
  refused("{");
  refused(std::string(100'000, '['));
  std::string deep;
  for (int i = 0; i < 100'000; ++i) deep += "{\"a\":";
  refused(deep);
  refused(R"({"schemaVersion":1e400})");
  refused("{\"a\":\"\xff\"}");
  refused(std::string("{\"a\":\0}", 7));
  refused(R"({"a":{"b":1,"b":2}})");
  refused("{}{}");
}

TEST_CASE("the platform of an index is chosen, and a missing one is named (G10)") {
  const std::string text = fmt::format(
      R"({{"schemaVersion":2,"manifests":[
        {{"mediaType":"{0}","digest":"{1}","size":1,"platform":{{"os":"unknown","architecture":"unknown"}}}},
        {{"mediaType":"{0}","digest":"{1}","size":2,"platform":{{"os":"linux","architecture":"s390x"}}}},
        {{"mediaType":"{0}","digest":"{1}","size":3,"platform":{{"os":"linux","architecture":"arm","variant":"v7"}}}}]}})",
      media_type::oci_manifest, digest);
  Index index = parse_index(text);
  const auto acceptable = [](const char* platform) {
    return acceptable_platforms(parse_platform(platform), Compatibility::same_architecture);
  };
  CHECK(choose_manifest(index, acceptable("linux/arm")).size == 3);
  CHECK_THROWS_WITH(choose_manifest(index, acceptable("linux/amd64")),
                    "no matching manifest for linux/amd64 in the manifest list entries: there is "
                    "linux/s390x, linux/arm/v7");
}

TEST_CASE("a configuration says what to run") {
  ImageConfig parsed = parse_image_config(config(R"(
    "config":{"User":"1000:1000","Env":["A=1"],"Entrypoint":["/e"],"Cmd":"one","WorkingDir":"/w",
              "Labels":{"a":"b"},"Volumes":{"/v":{}},"ExposedPorts":{"80/tcp":{}},
              "StopSignal":"SIGINT","Healthcheck":{"Test":["CMD","x"],"Interval":5},"Shell":null},
    "rootfs":{"type":"layers","diff_ids":[")" + digest +
                                                 R"("]},
    "history":[{"created_by":"x","empty_layer":true}])"));
  CHECK(parsed.config.user == "1000:1000");
  CHECK(parsed.config.cmd == std::vector<std::string>{"one"});
  CHECK(parsed.config.volumes == std::vector<std::string>{"/v"});
  CHECK(parsed.config.exposed_ports == std::vector<std::string>{"80/tcp"});
  REQUIRE(parsed.config.healthcheck);
  CHECK(parsed.config.healthcheck->interval_ns == 5);
  CHECK(parsed.history.at(0).empty_layer);
  CHECK(parsed.diff_ids.at(0).text() == digest);
  CHECK(parsed.text.starts_with("{\"os\""));
}

TEST_CASE("a configuration with members of the wrong type is refused (M08)") {
  const std::string rootfs = R"("rootfs":{"type":"layers","diff_ids":[]})";
  CHECK_NOTHROW(parse_image_config(config(rootfs)));
  for (const char* members :
       {R"("config":[])", R"("config":{"Env":"A"})", R"("config":{"Env":[1]})",
        R"("config":{"Env":["A\u0000B"]})", R"("config":{"Labels":[]})", R"("config":{"User":5})",
        R"("history":{})", R"("created":1)"}) {
    CAPTURE(members);
    // A single word in place of a list is meant for commands only.
    CHECK_THROWS_AS(parse_image_config(config(rootfs + "," + members)), sys::Error);
  }
  CHECK_THROWS_AS(parse_image_config(config(R"("rootfs":{"type":"other"})")), sys::Error);
  CHECK_THROWS_AS(parse_image_config(config(R"("a":1)")), sys::Error);
}

TEST_CASE("an image of another system cannot run (M07)") {
  ImageConfig other;
  other.platform.os = "windows";
  CHECK_THROWS_AS(expect_runnable_system(other), sys::Error);
}
