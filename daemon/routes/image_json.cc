#include "daemon/routes/image_json.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "image/image_config.h"
#include "image/manifest.h"

namespace ctr::daemon {

using image::Digest;
using image::Image;
using image::ImageConfig;
using image::ImageRunConfig;
using nlohmann::json;

namespace {

json or_null(json list) {
  return list.empty() ? json(nullptr) : list;
}

json key_set_json(const std::vector<std::string>& keys) {
  json set = json::object();
  for (const std::string& key : keys) set[key] = json::object();
  return set;
}

json healthcheck_json(const image::ImageHealthcheck& check) {
  json object{{"Test", check.test}};
  auto add = [&](const char* name, int64_t value) {
    if (value != 0) object[name] = value;
  };
  add("Interval", check.interval_ns);
  add("Timeout", check.timeout_ns);
  add("StartPeriod", check.start_period_ns);
  add("StartInterval", check.start_interval_ns);
  add("Retries", check.retries);
  return object;
}

// What an image says for its containers; empty members are left out.
json run_config_json(const ImageRunConfig& config) {
  json object = json::object();
  auto add = [&](const char* name, const json& value) {
    if (!value.empty()) object[name] = value;
  };
  auto add_text = [&](const char* name, const std::string& value) {
    if (!value.empty()) object[name] = value;
  };
  add_text("User", config.user);
  add("ExposedPorts", key_set_json(config.exposed_ports));
  add("Env", config.env);
  add("Cmd", config.cmd);
  add("Volumes", key_set_json(config.volumes));
  add_text("WorkingDir", config.working_dir);
  add("Entrypoint", config.entrypoint);
  add("OnBuild", config.on_build);
  add("Labels", config.labels);
  add_text("StopSignal", config.stop_signal);
  add("Shell", config.shell);
  if (config.stop_timeout) object["StopTimeout"] = *config.stop_timeout;
  if (config.healthcheck) object["Healthcheck"] = healthcheck_json(*config.healthcheck);
  if (config.args_escaped) object["ArgsEscaped"] = true;
  return object;
}

// Before API 1.50 an image's Config was a container's, all members of it.
json legacy_config_json(const ImageRunConfig& config) {
  json object{{"Hostname", ""},       {"Domainname", ""},      {"User", ""},
              {"AttachStdin", false}, {"AttachStdout", false}, {"AttachStderr", false},
              {"Tty", false},         {"OpenStdin", false},    {"StdinOnce", false},
              {"Env", nullptr},       {"Cmd", nullptr},        {"Image", ""},
              {"Volumes", nullptr},   {"WorkingDir", ""},      {"Entrypoint", nullptr},
              {"OnBuild", nullptr},   {"Labels", nullptr}};
  object.update(run_config_json(config));
  return object;
}

// What only Docker's older builder wrote into an image: by what, and in which container.
struct BuildRecord {
  std::string version{};
  std::string container{};
  json container_config = legacy_config_json({});
};

BuildRecord read_build_record(const std::string& config_json) {
  const json config = json::parse(config_json);
  BuildRecord record;
  auto take_text = [&](const char* key, std::string& text) {
    auto found = config.find(key);
    if (found != config.end() && found->is_string()) text = found->get<std::string>();
  };
  take_text("docker_version", record.version);
  take_text("container", record.container);
  auto found = config.find("container_config");
  if (found != config.end() && found->is_object()) record.container_config.update(*found);
  return record;
}

uint64_t layer_size(const Images& images, const Digest& diff_id) {
  auto found = images.layers().find(diff_id);
  return found ? found->size : 0;
}

// The directories that hold the image's files, for who looks below the data root.
json graph_driver_json(const Images& images, const Image& image) {
  json data{{"LowerDir", ""}, {"MergedDir", ""}, {"UpperDir", ""}, {"WorkDir", ""}};
  std::string lower;
  for (size_t i = image.diff_ids.size(); i-- > 0;) {
    std::string path = images.layers().path(image.diff_ids[i]);
    if (i + 1 == image.diff_ids.size())
      data["UpperDir"] = path;
    else
      lower += (lower.empty() ? "" : ":") + path;
  }
  if (lower.empty())
    data.erase("LowerDir");
  else
    data["LowerDir"] = lower;
  return {{"Name", "overlay2"}, {"Data", data}};
}

json digests_json(const std::vector<Digest>& digests) {
  json list = json::array();
  for (const Digest& digest : digests) list.push_back(digest.text());
  return list;
}

// One entry of Manifests: the platform that is here, and what it takes of the disk.
json manifests_json(const Images& images, const ImageFacts& facts) {
  const Image& image = facts.image;
  std::string text = images.content().read(image.manifest, image::max_manifest_bytes);
  const image::Manifest manifest = image::parse_manifest(text);
  uint64_t content = text.size() + manifest.config.size;
  for (const image::Descriptor& layer : manifest.layers)
    content += images.content().find_size(layer.digest).value_or(0);
  json platform{{"architecture", image.architecture}, {"os", image.os}};
  if (!image.variant.empty()) platform["variant"] = image.variant;
  return json::array({{{"ID", image.manifest.text()},
                       {"Descriptor",
                        {{"mediaType", manifest.media_type},
                         {"digest", image.manifest.text()},
                         {"size", text.size()}}},
                       {"Available", true},
                       {"Size", {{"Content", content}, {"Total", content + image.size}}},
                       {"Kind", "image"},
                       {"ImageData",
                        {{"Platform", platform},
                         {"Containers", facts.containers},
                         {"Size", {{"Unpacked", image.size}}}}}}});
}

}  // namespace

json image_summary_json(const Images& images, const ImageFacts& facts,
                        const ImageListOptions& options) {
  const Image& image = facts.image;
  auto since = [&](int minor) { return options.version >= ApiVersion{1, minor}; };
  json summary{{"Id", image.id.text()},
               {"ParentId", ""},
               {"RepoTags", image.tags},
               {"RepoDigests", image.repo_digests},
               {"Created", image.created / 1'000'000'000},
               {"Size", image.size},
               {"SharedSize", options.shared_size ? json(facts.shared_size) : json(-1)},
               {"Labels", or_null(facts.labels)},
               {"Containers", since(51) ? json(facts.containers.size()) : json(-1)}};
  if (image.created == sys::zero_time) summary["Created"] = 0;
  if (!since(43) && image.repo_digests.empty()) {
    summary["RepoDigests"] = nullptr;
    if (image.tags.empty()) {
      summary["RepoTags"] = {"<none>:<none>"};
      summary["RepoDigests"] = {"<none>@<none>"};
    }
  }
  if (!since(44)) summary["VirtualSize"] = image.size;
  if (options.manifests && since(47)) summary["Manifests"] = manifests_json(images, facts);
  return summary;
}

json image_inspect_json(const Images& images, const Image& image, ApiVersion version) {
  auto since = [&](int minor) { return version >= ApiVersion{1, minor}; };
  const ImageConfig config = image::parse_image_config(image.config_json);
  const BuildRecord build = read_build_record(image.config_json);
  json inspect{
      {"Id", image.id.text()},
      {"RepoTags", image.tags},
      {"RepoDigests", image.repo_digests},
      {"Parent", ""},
      {"Comment", config.history.empty() ? "" : config.history.back().comment},
      {"Created", sys::format_timestamp(image.created)},
      {"DockerVersion", build.version},
      {"Author", config.author},
      {"Config", since(50) ? run_config_json(config.config) : legacy_config_json(config.config)},
      {"Architecture", image.architecture},
      {"Os", image.os},
      {"Size", image.size},
      {"GraphDriver", graph_driver_json(images, image)},
      {"RootFS", {{"Type", "layers"}, {"Layers", digests_json(image.diff_ids)}}},
      {"Metadata", {{"LastTagTime", sys::format_timestamp(image.last_tagged)}}}};
  if (!image.variant.empty()) inspect["Variant"] = image.variant;
  if (!config.os_version.empty()) inspect["OsVersion"] = config.os_version;
  if (!since(44)) inspect["VirtualSize"] = image.size;
  // Docker leaves it out from 1.45 on; docker-compose 1.29 speaks the newest version and needs it.
  inspect["ContainerConfig"] = build.container_config;
  if (!since(45)) inspect["Container"] = build.container;
  return inspect;
}

// The newest first; only the last step has an image of its own.
json image_history_json(const Images& images, const Image& image) {
  const ImageConfig config = image::parse_image_config(image.config_json);
  json history = json::array();
  size_t layer = 0;
  auto add = [&](const image::ImageHistory& step) {
    bool has_layer = !step.empty_layer && layer < image.diff_ids.size();
    auto created = sys::parse_timestamp(step.created);
    history.push_back({{"Id", "<missing>"},
                       {"Created", created ? *created / 1'000'000'000 : 0},
                       {"CreatedBy", step.created_by},
                       {"Tags", nullptr},
                       {"Size", has_layer ? layer_size(images, image.diff_ids[layer++]) : 0},
                       {"Comment", step.comment}});
  };
  for (const image::ImageHistory& step : config.history) add(step);
  while (layer < image.diff_ids.size()) add({});  // an image need not tell its history
  std::reverse(history.begin(), history.end());
  if (!history.empty()) {
    history[0]["Id"] = image.id.text();
    history[0]["Tags"] = or_null(image.tags);
  }
  return history;
}

json image_removals_json(const std::vector<image::ImageRemoval>& removals) {
  json list = json::array();
  for (const image::ImageRemoval& removal : removals)
    list.push_back(removal.untagged.empty() ? json{{"Deleted", removal.deleted}}
                                            : json{{"Untagged", removal.untagged}});
  return list;
}

}  // namespace ctr::daemon
