#include "image/puller.h"

#include <map>

#include "image/layer_fetch.h"
#include "runtime/sys/error.h"

namespace ctr::image {

namespace {

using sys::Error;
using sys::ErrorKind;

constexpr int max_nested_indexes = 2;  // an index may list an index, no deeper (G10, D07)
constexpr unsigned config_workers = 2;
constexpr int max_joined_failures = 3;

}  // namespace

// One pull, from its beginning to its end, on the caller's thread.
class Pull {
 public:
  Pull(Puller& puller, const PullRequest& request)
      : puller_(puller),
        request_(request),
        repository_(puller.client_.repository(request.reference.domain, request.reference.path,
                                              request.credentials)),
        mailbox_(std::make_shared<JobMailbox>()) {}

  PulledImage run_or_explain();

 private:
  PulledImage run();
  struct Wanted {
    BlobOrder order;
    SharedJobs::Ticket ticket;
    int failures = 0;  // of other pulls' work that we joined
  };

  void keep(const Digest& digest) {
    if (request_.keep) request_.keep(digest);
    image_.blobs.push_back(digest);
  }
  std::optional<std::string> find_stored(const Digest& digest, size_t limit);
  NamedManifest named_document();
  NamedManifest listed_document(const Descriptor& descriptor);
  Manifest choose(NamedManifest document);
  ImageConfig fetch_config(const Manifest& manifest);
  void expect_platform(const ImageConfig& config) const;
  std::vector<Wanted> plan_layers(const Manifest& manifest) const;
  void fetch(SharedJobs& jobs, std::vector<Wanted>& wanted, bool tells);
  void join(SharedJobs& jobs, std::vector<Wanted>& wanted, size_t number);
  bool take(SharedJobs& jobs, std::vector<Wanted>& wanted, const JobMailbox::News& news,
            bool tells);
  void tell(const Digest& layer, const JobMailbox::News& news);

  Puller& puller_;
  const PullRequest& request_;
  std::shared_ptr<Repository> repository_;
  std::shared_ptr<JobMailbox> mailbox_;
  std::vector<NamedManifest> documents_;  // to be stored when everything else is there
  PulledImage image_;
};

// What is here and intact. A damaged blob is removed, so that it is fetched again (G08).
std::optional<std::string> Pull::find_stored(const Digest& digest, size_t limit) {
  if (request_.keep) request_.keep(digest);
  if (!puller_.content_.has(digest)) return std::nullopt;
  try {
    return puller_.content_.read(digest, limit);
  } catch (const Error& failure) {
    if (failure.error_number() != 0) throw;  // a failed call says nothing about the bytes
    puller_.content_.remove(digest);
    return std::nullopt;
  }
}

NamedManifest Pull::named_document() {
  // One HEAD tells whether what the name points to is here already. Asked even for a digest: that
  // we have the content does not mean that this repository does (G07).
  if (std::optional<Digest> digest =
          find_named_digest(*repository_, request_.reference, request_.stop)) {
    const bool meant = request_.reference.digest.empty() || request_.reference.digest == *digest;
    if (meant)
      if (std::optional<std::string> text = find_stored(*digest, max_manifest_bytes))
        return {*digest, std::move(*text), ""};
  }
  NamedManifest named = get_named_manifest(*repository_, request_.reference, request_.stop);
  return {named.digest, std::move(named.text), std::move(named.media_type)};
}

NamedManifest Pull::listed_document(const Descriptor& descriptor) {
  if (descriptor.size > max_manifest_bytes)
    throw Error(ErrorKind::invalid_argument,
                fmt::format("manifest {} is larger than {} bytes", descriptor.digest.text(),
                            max_manifest_bytes));
  std::optional<std::string> stored = find_stored(descriptor.digest, max_manifest_bytes);
  NamedManifest document{descriptor.digest, "", descriptor.media_type};
  document.text = stored
                      ? std::move(*stored)
                      : get_manifest_by_digest(*repository_, descriptor.digest, request_.stop).text;
  if (document.text.size() != descriptor.size)
    throw Error(ErrorKind::invalid_argument,
                fmt::format("manifest {} has {} bytes, but the index says {}",
                            descriptor.digest.text(), document.text.size(), descriptor.size));
  return document;
}

// Goes from the named document to the manifest of the platform.
Manifest Pull::choose(NamedManifest document) {
  const std::vector<Platform> acceptable =
      request_.platform ? acceptable_platforms(*request_.platform, Compatibility::same_architecture)
                        : acceptable_platforms(host_platform(), Compatibility::what_the_cpu_runs);
  for (int depth = 0;; ++depth) {
    keep(document.digest);
    ManifestOrIndex parsed = parse_manifest_or_index(document.text, document.media_type);
    documents_.push_back(document);
    if (Manifest* manifest = std::get_if<Manifest>(&parsed)) {
      image_.manifest.media_type = manifest->media_type;
      image_.manifest.digest = document.digest;
      image_.manifest.size = document.text.size();
      return std::move(*manifest);
    }
    if (depth == max_nested_indexes)
      throw Error(ErrorKind::invalid_argument, "invalid index: nested too deep");
    const Descriptor& chosen = choose_manifest(std::get<Index>(parsed), acceptable);
    image_.manifest.platform = chosen.platform;
    document = listed_document(chosen);
  }
}

void Pull::expect_platform(const ImageConfig& config) const {
  expect_runnable_system(config);
  if (!request_.platform) return;
  const std::vector<Platform> acceptable =
      acceptable_platforms(*request_.platform, Compatibility::same_architecture);
  // Many configurations leave the variant out that their index gives.
  for (const Platform& platform : acceptable)
    if (platform.os == config.platform.os && platform.architecture == config.platform.architecture)
      return;
  throw Error(ErrorKind::not_found,
              fmt::format("image with reference {} was found but does not match the specified "
                          "platform: wanted {}, actual: {}",
                          request_.reference.familiar(), platform_text(acceptable[0]),
                          platform_text(config.platform)));
}

ImageConfig Pull::fetch_config(const Manifest& manifest) {
  if (manifest.config.size > max_config_bytes)
    throw Error(ErrorKind::invalid_argument,
                fmt::format("image configuration {} is larger than {} bytes",
                            manifest.config.digest.text(), max_config_bytes));
  keep(manifest.config.digest);
  std::vector<Wanted> wanted(1);
  wanted[0].order = {repository_, manifest.config, {}};
  find_stored(manifest.config.digest, max_config_bytes);  // or removed
  fetch(puller_.config_jobs_, wanted, false);
  ImageConfig config =
      parse_image_config(puller_.content_.read(manifest.config.digest, max_config_bytes));
  expect_platform(config);
  if (config.diff_ids.size() != manifest.layers.size())
    throw Error(ErrorKind::invalid_argument,
                fmt::format("invalid image: its manifest has {} layers, its configuration {}",
                            manifest.layers.size(), config.diff_ids.size()));
  return config;
}

// Each layer once, however often it is listed.
std::vector<Pull::Wanted> Pull::plan_layers(const Manifest& manifest) const {
  std::vector<Wanted> wanted;
  std::map<Digest, Digest> diff_ids;
  for (size_t i = 0; i < manifest.layers.size(); ++i) {
    const Digest& diff_id = image_.config.diff_ids[i];
    auto [known, is_new] = diff_ids.emplace(manifest.layers[i].digest, diff_id);
    if (known->second != diff_id)
      throw Error(ErrorKind::invalid_argument,
                  fmt::format("invalid image: layer {} cannot unpack to two diff IDs",
                              manifest.layers[i].digest.text()));
    if (!is_new) continue;
    wanted.emplace_back();
    wanted.back().order = {repository_, manifest.layers[i], diff_id};
  }
  return wanted;
}

void Pull::join(SharedJobs& jobs, std::vector<Wanted>& wanted, size_t number) {
  const BlobOrder& order = wanted[number].order;
  Puller& puller = puller_;
  wanted[number].ticket = jobs.join(
      order.blob.digest.hex() + " " + order.diff_id.hex(),
      [order, &puller](const SharedJobs::Report& report, std::stop_token stop) {
        fetch_blob(order, puller.content_, puller.layers_, puller.client_.config().timing, report,
                   stop);
      },
      mailbox_, number);
}

void Pull::tell(const Digest& layer, const JobMailbox::News& news) {
  if (request_.progress) request_.progress({layer, news.phase, news.current, news.total});
}

// Whether this ended one of ours.
bool Pull::take(SharedJobs& jobs, std::vector<Wanted>& wanted, const JobMailbox::News& news,
                bool tells) {
  Wanted& one = wanted.at(news.job);
  if (!news.ended) {
    if (tells) tell(one.order.blob.digest, news);
    return false;
  }
  if (!news.failure) return true;
  // Another pull's work failed, perhaps for its own credentials: do it as ourselves.
  if (one.ticket.is_own() || ++one.failures == max_joined_failures)
    std::rethrow_exception(news.failure);
  join(jobs, wanted, news.job);
  return false;
}

void Pull::fetch(SharedJobs& jobs, std::vector<Wanted>& wanted, bool tells) {
  size_t left = wanted.size();
  for (size_t i = 0; i < wanted.size(); ++i) {
    JobMailbox::News news;
    const bool here = is_here(wanted[i].order, puller_.content_, puller_.layers_);
    news.phase = here ? PullPhase::already_exists : PullPhase::pulling_fs_layer;
    if (tells) tell(wanted[i].order.blob.digest, news);
    if (here)
      --left;
    else
      join(jobs, wanted, i);
  }
  while (left > 0)
    if (take(jobs, wanted, mailbox_->wait(request_.stop), tells)) --left;
}

PulledImage Pull::run_or_explain() {
  try {
    return run();
  } catch (const Cancelled&) {
    throw;
  } catch (const Error& failure) {
    const std::string mirror = repository_->mirror_failure();
    if (failure.kind() != ErrorKind::unavailable || mirror.empty()) throw;
    throw Error(failure.kind(), fmt::format("{}; {}", failure.what(), mirror));
  }
}

PulledImage Pull::run() {
  NamedManifest document = named_document();
  image_.reference = request_.reference;
  image_.digest = document.digest;
  const Digest named = document.digest;
  const Manifest manifest = choose(std::move(document));
  expect_container_image(manifest);
  image_.config_digest = manifest.config.digest;
  image_.config = fetch_config(manifest);
  if (request_.resolved) request_.resolved(named);

  for (const Descriptor& layer : manifest.layers) keep(layer.digest);
  if (request_.keep)
    for (const Digest& diff_id : image_.config.diff_ids) request_.keep(diff_id);
  std::vector<Wanted> wanted = plan_layers(manifest);
  fetch(puller_.layer_jobs_, wanted, true);

  for (const Digest& diff_id : image_.config.diff_ids) {
    const std::optional<UnpackedLayer> layer = puller_.layers_.find(diff_id);
    if (!layer)
      throw Error(ErrorKind::internal, fmt::format("layer {} is missing", diff_id.text()));
    image_.size += layer->size;
  }
  // Last, and the outermost after what it refers to: what is here by name of a manifest is
  // complete.
  for (auto each = documents_.rbegin(); each != documents_.rend(); ++each)
    puller_.content_.put(each->text);
  return std::move(image_);
}

Puller::Puller(RegistryClient& client, ContentStore& content, LayerStore& layers)
    : client_(client),
      content_(content),
      layers_(layers),
      config_jobs_(config_workers),
      layer_jobs_(client.config().parallel_layers) {}

PulledImage Puller::pull(const PullRequest& request) {
  return Pull(*this, request).run_or_explain();
}

NamedManifest Puller::resolve(const Reference& reference, const Credentials& credentials,
                              std::stop_token stop) {
  return get_named_manifest(*client_.repository(reference.domain, reference.path, credentials),
                            reference, stop);
}

}  // namespace ctr::image
