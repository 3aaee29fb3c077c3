#include "daemon/commit.h"

#include <array>

#include "daemon/commit_config.h"
#include "image/image_builder.h"
#include "image/inflate.h"
#include "image/manifest.h"
#include "image/reference.h"
#include "runtime/sys/error.h"
#include "runtime/sys/file.h"

namespace ctr::daemon {

namespace {

using nlohmann::json;

// What of a container's configuration an image has; the rest is that container's own.
constexpr std::array image_members{"User",       "ExposedPorts", "Env",    "Entrypoint",
                                   "Cmd",        "Volumes",      "Labels", "WorkingDir",
                                   "StopSignal", "Healthcheck",  "Shell",  "OnBuild"};

json run_config(const ContainerRecord& record, const json& replaced) {
  const json own = json::parse(record.config_json);
  json config = json::object();
  for (const char* member : image_members) {
    if (own.contains(member) && !own[member].is_null()) config[member] = own[member];
    if (replaced.is_object() && replaced.contains(member) && !replaced[member].is_null() &&
        !replaced[member].empty())
      config[member] = replaced[member];
  }
  return config;
}

// Checked before anything is made.
std::string name_of(const NewImageRequest& request) {
  if (request.repository.empty()) return "";
  std::string text = request.repository;
  if (!request.tag.empty()) text += ":" + request.tag;
  image::Reference reference = image::parse_reference(text);
  if (!reference.digest.empty())
    throw sys::Error(sys::ErrorKind::invalid_argument,
                     fmt::format("'{}' has a digest: an image's name cannot", text));
  return reference.familiar();
}

std::string joined(const std::vector<std::string>& words) {
  return fmt::format("{}", fmt::join(words, " "));
}

}  // namespace

std::string commit_container(const ImageMaking& making, const CommitRequest& request) {
  const std::string name = name_of(request.image);
  ContainerRecord record = making.containers.snapshot(request.container).record;
  json config = run_config(record, request.config);
  apply_changes(config, request.image.changes);
  image::Lease lease = making.images.open_lease();
  const auto keep = [&](const image::Digest& digest) { lease.keep(digest); };
  image::Image base = making.images.get(record.image_id);
  const std::string manifest_text =
      making.images.content().read(base.manifest, image::max_manifest_bytes);
  std::vector<image::Descriptor> layers = image::parse_manifest(manifest_text).layers;
  for (const image::Descriptor& layer : layers) keep(layer.digest);

  sys::UniqueFd tar = sys::make_unnamed_file(making.scratch);
  making.containers.pack_changes(record.id, request.pause, [&](std::string_view piece) {
    sys::write_all(tar.get(), piece, "layer");
    return true;
  });
  image::BuiltLayer layer =
      image::store_layer(tar.get(), making.images.content(), making.images.layers(), keep);
  layers.push_back(layer.blob);
  const std::string text = image_config_text({.base = json::parse(base.config_json),
                                              .config = config,
                                              .layer = layer.diff_id,
                                              .created_by = joined(record.config.cmd),
                                              .comment = request.image.comment,
                                              .author = request.image.author,
                                              .architecture = record.architecture,
                                              .now = sys::now()});
  image::Image made = making.images.add(
      image::store_image(text, layers, making.images.content(), keep), name, "commit");
  making.containers.publish(record, "commit", {{"imageID", made.id.text()}, {"imageRef", name}});
  return made.id.text();
}

std::string import_archive(const ImageMaking& making, const NewImageRequest& request,
                           const std::string& architecture,
                           const std::function<std::string_view()>& source) {
  const std::string name = name_of(request);
  json config = json::object();
  apply_changes(config, request.changes);
  image::Lease lease = making.images.open_lease();
  const auto keep = [&](const image::Digest& digest) { lease.keep(digest); };
  sys::UniqueFd tar = sys::make_unnamed_file(making.scratch);
  image::InflatingSource plain(source);
  uint64_t size = 0;
  for (std::string_view piece = plain.next(); !piece.empty(); piece = plain.next()) {
    sys::write_all(tar.get(), piece, "layer");
    size += piece.size();
  }
  if (size == 0) throw sys::Error(sys::ErrorKind::invalid_argument, "invalid archive: it is empty");
  image::BuiltLayer layer =
      image::store_layer(tar.get(), making.images.content(), making.images.layers(), keep);
  const std::string text = image_config_text({.base = json::object(),
                                              .config = config,
                                              .layer = layer.diff_id,
                                              .created_by = "",
                                              .comment = request.comment,
                                              .author = request.author,
                                              .architecture = architecture,
                                              .now = sys::now()});
  return making.images
      .add(image::store_image(text, {layer.blob}, making.images.content(), keep), name, "import")
      .id.text();
}

}  // namespace ctr::daemon
