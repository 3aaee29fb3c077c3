#include "daemon/routes/images.h"

#include <nlohmann/json.hpp>

#include "daemon/api/registry_auth.h"
#include "daemon/pull_messages.h"
#include "daemon/routes/image_json.h"
#include "daemon/server/client_watch.h"
#include "image/manifest.h"
#include "runtime/sys/error.h"

namespace ctr::daemon {

using nlohmann::json;
using sys::Error;
using sys::ErrorKind;

namespace {

image::Credentials credentials_of(const Exchange& exchange) {
  RegistryAuth auth = parse_registry_auth(exchange.header("X-Registry-Auth").value_or(""));
  return {.username = auth.username,
          .password = auth.password,
          .identity_token = auth.identity_token,
          .registry_token = auth.registry_token};
}

// fromImage and tag together: the tag may be a digest, and the name may have one of the two itself.
image::Reference requested_reference(const Exchange& exchange) {
  std::string name = exchange.query("fromImage").value_or("");
  std::string tag = exchange.query("tag").value_or("");
  if (!tag.empty()) name += (tag.find(':') == std::string::npos ? ":" : "@") + tag;
  return image::parse_reference(name);
}

// A body that begins with its first message: what fails before that is a status.
class LateStream {
 public:
  explicit LateStream(Exchange& exchange) : exchange_(exchange) {}

  void write(const std::string& message) {
    if (!stream_) stream_ = exchange_.respond_stream(200, "application/json");
    stream_->write(message);
  }
  bool begun() const { return stream_ != nullptr; }

 private:
  Exchange& exchange_;
  std::unique_ptr<ResponseStream> stream_;
};

void pull(Exchange& exchange, Images& images) {
  PullOptions options{.reference = requested_reference(exchange),
                      .credentials = credentials_of(exchange)};
  std::string platform = exchange.query("platform").value_or("");
  if (!platform.empty()) options.platform = image::parse_platform(platform);
  ClientWatch watch(exchange);
  options.stop = watch.token();
  LateStream stream(exchange);
  try {
    images.pull(options, [&](const std::string& message) { stream.write(message); });
  } catch (const Error& error) {
    if (!stream.begun()) throw;
    stream.write(error_message(error.what()));
  }
}

void push(Exchange& exchange, Images& images) {
  PullOptions options{.reference = image::parse_reference_as_written(exchange.parameter("name")),
                      .credentials = credentials_of(exchange)};
  if (std::string tag = exchange.query("tag").value_or(""); !tag.empty()) {
    if (!image::is_valid_tag(tag))
      throw Error(ErrorKind::invalid_argument, fmt::format("invalid tag format: '{}'", tag));
    options.reference.tag = tag;
  }
  ClientWatch watch(exchange);
  options.stop = watch.token();
  LateStream stream(exchange);
  try {
    images.push(options, [&](const std::string& message) { stream.write(message); });
  } catch (const Error& error) {
    if (!stream.begun()) throw;
    stream.write(error_message(error.what()));
  }
}

void create(Exchange& exchange, Images& images, const std::function<void(Exchange&)>& import) {
  if (!exchange.query("fromSrc").value_or("").empty()) return import(exchange);
  if (exchange.query("fromImage").value_or("").empty())
    throw Error(ErrorKind::invalid_argument, "no image given: fromImage is missing");
  pull(exchange, images);
}

void list(Exchange& exchange, const Images& images) {
  Filters filters = Filters::parse(exchange.query("filters").value_or(""));
  ImageListOptions options{exchange.version(), exchange.query_bool("shared-size"),
                           exchange.query_bool("manifests")};
  json summaries = json::array();
  for (const ImageFacts& facts : images.list(filters))
    summaries.push_back(image_summary_json(images, facts, options));
  exchange.respond_json(200, summaries);
}

void tag(Exchange& exchange, Images& images) {
  std::string repository = exchange.query("repo").value_or("");
  if (repository.empty())
    throw Error(ErrorKind::invalid_argument, "repository name must have at least one component");
  images.tag(exchange.parameter("name"), repository, exchange.query("tag").value_or(""));
  exchange.respond_empty(201);
}

void remove(Exchange& exchange, Images& images) {
  auto removals = images.remove(exchange.parameter("name"), exchange.query_bool("force"),
                                !exchange.query_bool("noprune"));
  exchange.respond_json(200, image_removals_json(removals));
}

void prune(Exchange& exchange, Images& images) {
  Images::Pruned pruned = images.prune(Filters::parse(exchange.query("filters").value_or("")));
  json removals = image_removals_json(pruned.removals);
  exchange.respond_json(200, {{"ImagesDeleted", removals.empty() ? json(nullptr) : removals},
                              {"SpaceReclaimed", pruned.bytes}});
}

json platform_json(const image::Platform& platform) {
  json object{{"architecture", platform.architecture}, {"os", platform.os}};
  if (!platform.variant.empty()) object["variant"] = platform.variant;
  return object;
}

// What a name is at its registry, without fetching it.
void distribution(Exchange& exchange, const Images& images) {
  ClientWatch watch(exchange);
  auto resolved = images.resolve(image::parse_reference(exchange.parameter("name")),
                                 credentials_of(exchange), watch.token());
  json platforms = json::array();
  image::ManifestOrIndex document =
      image::parse_manifest_or_index(resolved.text, resolved.media_type);
  if (const auto* index = std::get_if<image::Index>(&document))
    for (const image::Descriptor& descriptor : index->manifests)
      if (descriptor.platform) platforms.push_back(platform_json(*descriptor.platform));
  exchange.respond_json(200, {{"Descriptor",
                               {{"mediaType", resolved.media_type},
                                {"digest", resolved.digest.text()},
                                {"size", resolved.text.size()}}},
                              {"Platforms", platforms}});
}

void search_hub(Exchange& exchange, ImageSearch& search) {
  ClientWatch watch(exchange);
  Filters filters = Filters::parse(exchange.query("filters").value_or(""));
  exchange.respond_json(
      200, search.search(exchange.query("term").value_or(""),
                         exchange.query_int("limit").value_or(0), filters, watch.token()));
}

}  // namespace

void add_image_routes(Router& router, Images& images, ImageSearch& search,
                      std::function<void(Exchange&)> import) {
  router.add("POST", "/images/create",
             [&images, import](Exchange& exchange) { create(exchange, images, import); });
  router.add("GET", "/images/json", [&](Exchange& exchange) { list(exchange, images); });
  router.add("GET", "/images/{name:*}/json", [&](Exchange& exchange) {
    exchange.respond_json(200, image_inspect_json(images, images.get(exchange.parameter("name")),
                                                  exchange.version()));
  });
  router.add("GET", "/images/{name:*}/history", [&](Exchange& exchange) {
    exchange.respond_json(200, image_history_json(images, images.get(exchange.parameter("name"))));
  });
  router.add("POST", "/images/{name:*}/push", [&](Exchange& exchange) { push(exchange, images); });
  router.add("POST", "/images/{name:*}/tag", [&](Exchange& exchange) { tag(exchange, images); });
  router.add("POST", "/images/prune", [&](Exchange& exchange) { prune(exchange, images); });
  router.add("GET", "/images/search", [&](Exchange& exchange) { search_hub(exchange, search); });
  router.add("DELETE", "/images/{name:*}", [&](Exchange& exchange) { remove(exchange, images); });
  router.add("GET", "/distribution/{name:*}/json",
             [&](Exchange& exchange) { distribution(exchange, images); });
}

}  // namespace ctr::daemon
