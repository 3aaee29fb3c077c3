#include "daemon/commit_config.h"

#include <doctest/doctest.h>

#include "runtime/sys/error.h"

using namespace ctr::daemon;
using nlohmann::json;

namespace {

json changed(const std::string& change, json config = json::object()) {
  apply_changes(config, {change});
  return config;
}

}  // namespace

TEST_CASE("instructions change what they name") {
  CHECK(changed("CMD [\"a\", \"b c\"]")["Cmd"] == json({"a", "b c"}));
  CHECK(changed("cmd echo hi")["Cmd"] == json({"/bin/sh", "-c", "echo hi"}));
  CHECK(changed("ENTRYPOINT x", {{"Shell", {"/bin/bash"}}})["Entrypoint"] == json({"/bin/bash", "x"}));
  CHECK(changed("ENV A=1 B=\"two words\"")["Env"] == json({"A=1", "B=two words"}));
  CHECK(changed("ENV A old form", {{"Env", {"A=0", "Z=9"}}})["Env"] == json({"Z=9", "A=old form"}));
  CHECK(changed("LABEL a=b", {{"Labels", nullptr}})["Labels"] == json({{"a", "b"}}));
  CHECK(changed("EXPOSE 80 53/udp")["ExposedPorts"].size() == 2);
  CHECK(changed("EXPOSE 80")["ExposedPorts"].contains("80/tcp"));
  CHECK(changed("VOLUME [\"/a\", \"/b\"]")["Volumes"].size() == 2);
  CHECK(changed("VOLUME /a /b")["Volumes"].contains("/b"));
  CHECK(changed("USER 1:2")["User"] == "1:2");
  CHECK(changed("WORKDIR /x")["WorkingDir"] == "/x");
  CHECK(changed("ONBUILD RUN x")["OnBuild"] == json({"RUN x"}));
  CHECK(changed("HEALTHCHECK CMD true")["Healthcheck"]["Test"] == json({"CMD-SHELL", "true"}));
  CHECK(changed("HEALTHCHECK --interval=5s --timeout=1m30s --retries=4 CMD [\"a\", \"b\"]")["Healthcheck"] ==
        json({{"Interval", 5'000'000'000}, {"Timeout", 90'000'000'000}, {"Retries", 4}, {"Test", {"CMD", "a", "b"}}}));
  CHECK(changed("HEALTHCHECK NONE")["Healthcheck"]["Test"] == json({"NONE"}));
  CHECK(changed("  ") == json::object());
}

TEST_CASE("what is no instruction of an image is refused") {
  for (const char* change : {"FROM x", "RUN x", "CMD", "ENV A", "ENV =b", "HEALTHCHECK --interval=1 CMD x", "HEALTHCHECK --retries=x CMD x", "HEALTHCHECK --pause=1s CMD x", "HEALTHCHECK --interval=1s", "x"})
    CHECK_THROWS_AS(changed(change), ctr::sys::Error);
  CHECK(changed("VOLUME [1, 2]")["Volumes"].size() == 2);  // no list of paths: words
}

TEST_CASE("the new configuration has the old one's layers and one more") {
  const auto layer = ctr::image::Sha256::of("x");
  json document = json::parse(image_config_text(
      {.base = {{"architecture", "arm64"},
                {"rootfs", {{"type", "layers"}, {"diff_ids", {"sha256:1"}}}},
                {"history", {{{"created_by", "first"}}}},
                {"container", "old"}},
       .config = {{"Cmd", {"x"}}},
       .layer = layer,
       .created_by = "sh",
       .comment = "c",
       .author = "a",
       .architecture = "amd64",
       .now = 0}));
  CHECK(document["rootfs"]["diff_ids"] == json({"sha256:1", layer.text()}));
  CHECK(document["history"].size() == 2);
  CHECK(document["history"][1]["comment"] == "c");
  CHECK(document["architecture"] == "arm64");
  CHECK(document["author"] == "a");
  CHECK_FALSE(document.contains("container"));
}
