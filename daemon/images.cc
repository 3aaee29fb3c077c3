#include "daemon/images.h"

#include <fnmatch.h>

#include <algorithm>
#include <set>

#include "daemon/api/query_time.h"
#include "daemon/pull_messages.h"
#include "image/archive.h"
#include "image/image_config.h"
#include "image/pusher.h"
#include "image/registry_error.h"
#include "image/save_archive.h"
#include "runtime/sys/error.h"

namespace ctr::daemon {

using image::Digest;
using image::Image;
using sys::Error;
using sys::ErrorKind;

namespace {

std::string name_without_tag(const std::string& familiar) {
  size_t at = familiar.find('@');
  if (at != std::string::npos) return familiar.substr(0, at);
  size_t slash = familiar.rfind('/');
  return familiar.substr(0, familiar.find(':', slash == std::string::npos ? 0 : slash));
}

// Layers that more than one image stands on.
std::set<Digest> shared_layers(const std::vector<Image>& images) {
  std::map<Digest, int> users;
  for (const Image& image : images)
    for (const Digest& layer : std::set<Digest>(image.diff_ids.begin(), image.diff_ids.end()))
      ++users[layer];
  std::set<Digest> shared;
  for (const auto& [layer, count] : users)
    if (count > 1) shared.insert(layer);
  return shared;
}

std::vector<std::string> containers_of(const image::ImageUsers& users, const Digest& image) {
  std::vector<std::string> containers;
  if (!users.uses_of) return containers;
  for (const image::ImageUse& use : users.uses_of(image)) containers.push_back(use.container_id);
  return containers;
}

}  // namespace

std::map<std::string, std::string> image_labels(const Image& image) {
  return image::parse_image_config(image.config_json).config.labels;
}

namespace {

bool name_matches(const std::string& pattern, const std::string& name) {
  return ::fnmatch(pattern.c_str(), name.c_str(), FNM_PATHNAME) == 0 ||
         ::fnmatch(pattern.c_str(), name_without_tag(name).c_str(), FNM_PATHNAME) == 0;
}

// Of an image's names, those that were asked for.
void keep_matching(const std::vector<std::string>& patterns, std::vector<std::string>& names) {
  if (patterns.empty()) return;
  std::erase_if(names, [&](const std::string& name) {
    return std::none_of(patterns.begin(), patterns.end(),
                        [&](const std::string& pattern) { return name_matches(pattern, name); });
  });
}

}  // namespace

bool reference_matches(const std::string& pattern, const Image& image) {
  auto matches = [&](const std::string& name) { return name_matches(pattern, name); };
  return std::any_of(image.tags.begin(), image.tags.end(), matches) ||
         std::any_of(image.repo_digests.begin(), image.repo_digests.end(), matches);
}

bool image_matches(const Filters& filters, const ImageFacts& facts) {
  const std::vector<std::string>& patterns = filters.values("reference");
  bool named = patterns.empty() ||
               std::any_of(patterns.begin(), patterns.end(), [&](const std::string& pattern) {
                 return reference_matches(pattern, facts.image);
               });
  std::optional<bool> dangling = filters.find_bool("dangling");
  bool labelled = filters.matches_labels("label", facts.labels) &&
                  (!filters.has("label!") || !filters.matches_labels("label!", facts.labels));
  bool old = true;
  for (const std::string& until : filters.values("until"))
    old &= facts.image.created <= parse_until_filter(until, sys::now()).value_or(INT64_MAX);
  return named && labelled && old && (!dangling || *dangling == facts.image.tags.empty());
}

Images::Images(Services services) : services_(services), embedded_(services_.embedded_directory) {}

void Images::pull(const PullOptions& options, const Write& write) {
  const std::string name = options.reference.familiar();
  image::Lease lease = services_.store.open_lease();
  std::optional<Image> before = services_.store.find(name);
  Pulled pulled;
  try {
    pulled = pull_from_registry(options, lease, write);
  } catch (const image::Cancelled&) {
    throw;
  } catch (const Error& error) {
    std::optional<std::string> layout;
    if (error.kind() == ErrorKind::unavailable) layout = embedded_.find_layout(options.reference);
    if (!layout) throw;
    pulled = load_embedded(options, *layout, error, lease, write);
  }
  Image image = services_.store.put(pulled.image, options.reference.digest.empty() ? name : "");
  write(status_message("Digest: " + pulled.digest.text()));
  bool same = before && before->id == image.id;
  write(status_message(same ? "Status: Image is up to date for " + name
                            : "Status: Downloaded newer image for " + name));
  publish("pull", name, options.reference.familiar_name(), image);
}

Images::Pulled Images::pull_from_registry(const PullOptions& options, image::Lease& lease,
                                          const Write& write) {
  PullMessages messages;
  image::PullRequest request{.reference = options.reference,
                             .platform = options.platform,
                             .credentials = options.credentials,
                             .keep = [&](const Digest& digest) { lease.keep(digest); },
                             .resolved = {},
                             .progress = {},
                             .stop = options.stop};
  request.resolved = [&](const Digest&) {
    write(status_message("Pulling from " + options.reference.path,
                         options.reference.tag_or_digest()));
  };
  request.progress = [&](const image::LayerProgress& progress) {
    auto message = messages.message(progress, PullMessages::Clock::now());
    if (message) write(*message);
  };
  image::PulledImage pulled = services_.puller.pull(request);
  const std::string repo_digest = options.reference.familiar_name() + "@" + pulled.digest.text();
  return {{.manifest = pulled.manifest.digest,
           .config_json = pulled.config.text,
           .diff_ids = pulled.config.diff_ids,
           .blobs = pulled.blobs,
           .repo_digest = repo_digest},
          pulled.digest};
}

Images::Pulled Images::load_embedded(const PullOptions& options, const std::string& layout,
                                     const Error& reason, image::Lease& lease, const Write& write) {
  write(
      status_message(fmt::format("The registry cannot be reached ({}): using the image that was "
                                 "installed with ctr",
                                 reason.what())));
  std::lock_guard lock(embedded_mutex_);
  image::NewImage image =
      EmbeddedImages::load(layout, options.reference, services_.content, services_.layers,
                           [&](const Digest& digest) { lease.keep(digest); });
  Digest digest = image.manifest;
  return {std::move(image), digest};
}

namespace {

// The names under which the reference's images are saved: "alpine" is all of its tags. None for an
// id or a digest: those have no name in the archive.
std::vector<std::string> tags_to_save(const image::ImageStore& store,
                                      const std::string& reference) {
  image::Reference wanted;
  try {
    wanted = image::parse_reference_as_written(reference);
  } catch (const Error&) {
    return {};
  }
  std::vector<std::string> tags;
  if (!wanted.digest.empty()) return tags;
  for (const Image& image : store.list())
    for (const std::string& tag : image.tags) {
      const image::Reference name = image::parse_reference(tag);
      if (name.name() == wanted.name() && (wanted.tag.empty() || name.tag == wanted.tag))
        tags.push_back(tag);
    }
  return tags;
}

}  // namespace

void Images::push(const PullOptions& options, const Write& write) {
  image::Lease lease = services_.store.open_lease();
  std::vector<std::string> tags = tags_to_save(services_.store, options.reference.text());
  if (tags.empty())
    throw Error(ErrorKind::not_found,
                fmt::format("An image does not exist locally with the tag: {}",
                            options.reference.familiar_name()));
  write(
      status_message(fmt::format("The push refers to repository [{}]", options.reference.name())));
  for (const std::string& tag : tags) {
    Image image = services_.store.get(tag);
    lease.keep(image.manifest);
    for (const Digest& layer : image.diff_ids) lease.keep(layer);
    PushMessages messages;
    image::PushRequest request{.reference = image::parse_reference(tag),
                               .image = image,
                               .credentials = options.credentials,
                               .progress = {},
                               .stop = options.stop};
    request.progress = [&](const image::PushProgress& progress) {
      if (auto message = messages.message(progress, PullMessages::Clock::now())) write(*message);
    };
    image::PushedImage pushed = image::push_image(services_.registry, services_.content, request);
    write(status_message(fmt::format("{}: digest: {} size: {}", request.reference.tag,
                                     pushed.digest.text(), pushed.size)));
    write(push_result_message(request.reference.tag, pushed.digest, pushed.size));
    publish("push", tag, options.reference.familiar_name(), image);
  }
}

std::vector<ImageFacts> Images::list(const Filters& filters) const {
  filters.expect_only({"reference", "dangling", "label", "label!", "before", "since", "until"});
  auto moment = [&](std::string_view name, sys::Timestamp otherwise) {
    const std::vector<std::string>& values = filters.values(name);
    return values.empty() ? otherwise : services_.store.get(values.front()).created;
  };
  const sys::Timestamp before = moment("before", INT64_MAX);
  const sys::Timestamp since = moment("since", INT64_MIN);
  const bool bounded = filters.has("before") || filters.has("since");
  const std::vector<Image> all = services_.store.list();
  const std::set<Digest> shared = shared_layers(all);
  const image::ImageUsers image_users = users();
  std::vector<ImageFacts> chosen;
  for (const Image& image : all) {
    if (bounded && (image.created >= before || image.created <= since)) continue;
    ImageFacts facts{image, image_labels(image), {}, 0};
    if (!image_matches(filters, facts)) continue;
    keep_matching(filters.values("reference"), facts.image.tags);
    keep_matching(filters.values("reference"), facts.image.repo_digests);
    facts.containers = containers_of(image_users, image.id);
    for (const Digest& layer : image.diff_ids)
      if (auto found = services_.layers.find(layer); found && shared.contains(layer))
        facts.shared_size += found->size;
    chosen.push_back(std::move(facts));
  }
  return chosen;
}

uint64_t Images::layers_size() const {
  uint64_t size = 0;
  for (const Digest& layer : services_.layers.list())
    if (auto found = services_.layers.find(layer)) size += found->size;
  return size;
}

void Images::tag(const std::string& reference, const std::string& repository,
                 const std::string& tag) {
  std::string familiar =
      services_.store.tag(reference, tag.empty() ? repository : repository + ":" + tag);
  Image image = services_.store.get(familiar);
  publish("tag", image.id.text(), familiar, image);
}

std::vector<image::ImageRemoval> Images::remove(const std::string& reference, bool force,
                                                bool prune) {
  const image::ImageUsers image_users = users();
  std::vector<image::ImageRemoval> removals = services_.store.remove(reference, force, image_users);
  publish(removals);
  if (prune) services_.store.collect_garbage(image_users);
  return removals;
}

Images::Pruned Images::prune(const Filters& filters) {
  filters.expect_only({"dangling", "label", "label!", "until"});
  Filters without_dangling = filters;
  without_dangling.erase("dangling");
  const bool only_dangling = filters.find_bool("dangling").value_or(true);
  const image::ImageUsers image_users = users();
  Pruned pruned;
  for (const ImageFacts& facts : list(without_dangling)) {
    if (!facts.containers.empty() || (only_dangling && !facts.image.tags.empty())) continue;
    try {
      auto removals = services_.store.remove(facts.image.id.text(), true, image_users);
      pruned.removals.insert(pruned.removals.end(), removals.begin(), removals.end());
    } catch (const Error& error) {
      // Somebody began to use it, or took it away: both are as good as pruned for who asked.
      if (error.kind() != ErrorKind::conflict && error.kind() != ErrorKind::not_found) throw;
    }
  }
  publish(pruned.removals);
  pruned.bytes = services_.store.collect_garbage(image_users).bytes;
  services_.events.publish({.type = "image",
                            .action = "prune",
                            .id = "",
                            .attributes = {{"reclaimed", std::to_string(pruned.bytes)}}});
  return pruned;
}

namespace {

// Each image once, with all the names that were asked for.
void add_to_save(std::vector<image::ImageToSave>& images, Image image, const std::string& tag) {
  auto same = std::find_if(images.begin(), images.end(),
                           [&](const auto& other) { return other.image.id == image.id; });
  if (same == images.end()) same = images.insert(images.end(), {std::move(image), {}});
  if (!tag.empty()) same->tags.push_back(tag);
}

}  // namespace

void Images::save(const std::vector<std::string>& references,
                  const std::function<bool(std::string_view)>& sink) {
  image::Lease lease = services_.store.open_lease();
  std::vector<image::ImageToSave> images;
  for (const std::string& reference : references) {
    std::vector<std::string> tags = tags_to_save(services_.store, reference);
    if (tags.empty()) add_to_save(images, services_.store.get(reference), "");
    for (const std::string& tag : tags) add_to_save(images, services_.store.get(tag), tag);
  }
  image::save_images(
      images, services_.content, [&](const Digest& digest) { lease.keep(digest); }, sink);
  for (const image::ImageToSave& saved : images)
    publish("save", saved.image.id.text(), saved.image.id.text(), saved.image);
}

void Images::load(const std::function<std::string_view()>& source, const std::string& scratch,
                  const std::optional<image::Platform>& platform, const Write& write) {
  std::unique_ptr<image::ArchiveFiles> files = image::spool_archive(source, scratch);
  image::Lease lease = services_.store.open_lease();
  std::lock_guard lock(embedded_mutex_);
  std::vector<image::ArchivedImage> loaded = image::load_archive(
      *files, services_.content, services_.layers,
      {.keep = [&](const Digest& digest) { lease.keep(digest); }, .platform = platform});
  for (const image::ArchivedImage& archived : loaded) {
    Image image = services_.store.put(archived.image, "");
    for (const std::string& tag : archived.tags) {
      services_.store.put(archived.image, tag);
      write(stream_message("Loaded image: " + tag + "\n"));
    }
    if (archived.tags.empty()) write(stream_message("Loaded image ID: " + image.id.text() + "\n"));
    publish("load", image.id.text(), image.id.text(), image);
  }
}

Image Images::add(const image::NewImage& made, const std::string& tag, const std::string& action) {
  Image image = services_.store.put(made, tag);
  // Of a commit the container's event tells.
  if (action != "commit") publish(action, image.id.text(), image.id.text(), image);
  if (!tag.empty()) publish("tag", image.id.text(), tag, image);
  return image;
}

void Images::check_credentials(const std::string& server,
                               const image::Credentials& credentials) const {
  services_.registry.log_in(server, credentials, {});
}

image::NamedManifest Images::resolve(const image::Reference& reference,
                                     const image::Credentials& credentials,
                                     std::stop_token stop) const {
  return services_.puller.resolve(reference, credentials, std::move(stop));
}

void Images::publish(const std::string& action, const std::string& id, const std::string& name,
                     const std::optional<Image>& image) {
  Event event{.type = "image", .action = action, .id = id};
  if (image) event.attributes = image_labels(*image);
  event.attributes["name"] = name;
  services_.events.publish(std::move(event));
}

void Images::publish(const std::vector<image::ImageRemoval>& removals) {
  for (const image::ImageRemoval& removal : removals) {
    const std::string id = removal.image.text();
    // The chain IDs that Docker lists behind an image are no images.
    if (!removal.untagged.empty()) publish("untag", id, id);
    if (removal.deleted == id) publish("delete", id, id);
  }
}

}  // namespace ctr::daemon
