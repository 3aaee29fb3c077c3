#include "image/image_config.h"

#include "image/json_document.h"
#include "image/manifest.h"
#include "runtime/sys/error.h"

namespace ctr::image {

namespace {

using nlohmann::json;

constexpr std::string_view what = "image configuration";

ImageHealthcheck parse_healthcheck(const JsonObject& object) {
  ImageHealthcheck check;
  check.test = object.words("Test");
  check.interval_ns = object.integer("Interval").value_or(0);
  check.timeout_ns = object.integer("Timeout").value_or(0);
  check.start_period_ns = object.integer("StartPeriod").value_or(0);
  check.start_interval_ns = object.integer("StartInterval").value_or(0);
  check.retries = object.integer("Retries").value_or(0);
  return check;
}

ImageRunConfig parse_run_config(const JsonObject& object) {
  ImageRunConfig config;
  config.user = object.text("User");
  config.env = object.texts("Env");
  config.entrypoint = object.words("Entrypoint");
  config.cmd = object.words("Cmd");
  config.working_dir = object.text("WorkingDir");
  config.labels = object.text_map("Labels");
  config.volumes = object.keys("Volumes");
  config.exposed_ports = object.keys("ExposedPorts");
  config.stop_signal = object.text("StopSignal");
  config.stop_timeout = object.integer("StopTimeout");
  if (std::optional<JsonObject> check = object.object("Healthcheck"))
    config.healthcheck = parse_healthcheck(*check);
  config.shell = object.words("Shell");
  config.on_build = object.words("OnBuild");
  config.args_escaped = object.boolean("ArgsEscaped");
  return config;
}

ImageHistory parse_history(const json& value) {
  JsonObject object(value, what);
  ImageHistory history;
  history.created = object.text("created");
  history.created_by = object.text("created_by");
  history.author = object.text("author");
  history.comment = object.text("comment");
  history.empty_layer = object.boolean("empty_layer");
  return history;
}

std::vector<Digest> parse_diff_ids(const JsonObject& document) {
  std::optional<JsonObject> rootfs = document.object("rootfs");
  if (!rootfs) document.refuse("it has no rootfs");
  if (std::string type = rootfs->text("type"); !type.empty() && type != "layers")
    document.refuse(fmt::format("unknown rootfs type '{}'", type.substr(0, 100)));
  std::vector<Digest> diff_ids;
  for (const std::string& text : rootfs->texts("diff_ids")) diff_ids.push_back(Digest::parse(text));
  if (diff_ids.size() > max_layers) document.refuse(fmt::format("more than {} layers", max_layers));
  return diff_ids;
}

Platform parse_config_platform(const JsonObject& document) {
  Platform platform{document.text("os"), document.text("architecture"), document.text("variant")};
  if (platform.os.empty()) platform.os = "linux";
  if (platform.architecture.empty()) platform.architecture = host_platform().architecture;
  return normalize_platform(platform);
}

}  // namespace

ImageConfig parse_image_config(std::string_view text) {
  const json parsed = parse_json_object(text, what, {.bytes = max_config_bytes});
  JsonObject document(parsed, what);
  ImageConfig config;
  config.platform = parse_config_platform(document);
  config.os_version = document.text("os.version");
  config.created = document.text("created");
  config.author = document.text("author");
  if (std::optional<JsonObject> run = document.object("config"))
    config.config = parse_run_config(*run);
  config.diff_ids = parse_diff_ids(document);
  if (const json* list = document.array("history"))
    for (const json& value : *list) config.history.push_back(parse_history(value));
  config.text = text;
  return config;
}

void expect_runnable_system(const ImageConfig& config) {
  if (config.platform.os == "linux") return;
  throw sys::Error(
      sys::ErrorKind::invalid_argument,
      fmt::format("image operating system \"{}\" cannot be used on this platform: want linux",
                  config.platform.os.substr(0, 100)));
}

}  // namespace ctr::image
