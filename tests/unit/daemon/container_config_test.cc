#include "daemon/container_config.h"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "daemon/api/container_schema.h"

using namespace ctr::daemon;
using nlohmann::json;
using Words = std::vector<std::string>;

namespace {

ContainerConfig merge(json request, const ctr::image::ImageRunConfig& image) {
  json config = api::normalise_config(request);
  merge_image_config(config, image);
  return read_config(config);
}

ctr::image::ImageRunConfig server_image() {
  ctr::image::ImageRunConfig image;
  image.entrypoint = {"/entry"};
  image.cmd = {"serve"};
  image.env = {"PATH=/bin", "MODE=image", "BROKEN", "=x"};
  image.working_dir = "/srv";
  image.user = "www";
  image.labels = {{"a", "image"}, {"b", "image"}};
  image.volumes = {"/data"};
  image.exposed_ports = {"80/tcp"};
  image.stop_signal = "SIGQUIT";
  return image;
}

}  // namespace

TEST_CASE("without a command the image's entrypoint and command run") {
  ContainerConfig config = merge(json::object(), server_image());
  CHECK(config.entrypoint == Words{"/entry"});
  CHECK(config.cmd == Words{"serve"});
  CHECK(config.user == "www");
  CHECK(config.working_dir == "/srv");
  CHECK(config.stop_signal == "SIGQUIT");
  CHECK(config.volumes == Words{"/data"});
  CHECK(config.exposed_ports == Words{"80/tcp"});
}

TEST_CASE("a command replaces the image's command and keeps its entrypoint") {
  ContainerConfig config = merge({{"Cmd", {"ls"}}}, server_image());
  CHECK(config.entrypoint == Words{"/entry"});
  CHECK(config.cmd == Words{"ls"});
}

TEST_CASE("an entrypoint drops the image's command") {
  ContainerConfig config = merge({{"Entrypoint", {"/bin/sh"}}}, server_image());
  CHECK(config.entrypoint == Words{"/bin/sh"});
  CHECK(config.cmd.empty());
  CHECK(merge({{"Entrypoint", {""}}}, server_image()).cmd.empty());
}

TEST_CASE("an empty list as entrypoint is none, and not the image's") {
  ContainerConfig config = merge({{"Entrypoint", json::array()}}, server_image());
  CHECK(config.entrypoint.empty());
  CHECK(config.cmd == Words{"serve"});
}

TEST_CASE("the user's variables win and come first, broken ones of the image are dropped (U08)") {
  ContainerConfig config = merge({{"Env", {"MODE=mine", "X=1"}}}, server_image());
  CHECK(config.env == Words{"MODE=mine", "X=1", "PATH=/bin"});
}

TEST_CASE("labels are merged by name") {
  ContainerConfig config = merge({{"Labels", {{"a", "mine"}}}}, server_image());
  CHECK(config.labels.at("a") == "mine");
  CHECK(config.labels.at("b") == "image");
}
