#include "image/pusher.h"

#include <algorithm>

#include "image/manifest.h"
#include "image/media_type.h"
#include "image/registry_retry.h"
#include "runtime/sys/error.h"

namespace ctr::image {

namespace {

// Other repositories of the same registry in which the image is known under a name: their blobs
// need not be sent again.
std::vector<std::string> other_repositories(const PushRequest& request) {
  std::vector<std::string> paths;
  std::vector<std::string> names = request.image.tags;
  names.insert(names.end(), request.image.repo_digests.begin(), request.image.repo_digests.end());
  for (const std::string& name : names) {
    const Reference other = parse_reference(name);
    const bool known = std::find(paths.begin(), paths.end(), other.path) != paths.end();
    if (other.domain == request.reference.domain && other.path != request.reference.path && !known)
      paths.push_back(other.path);
  }
  return paths;
}

class Push {
 public:
  Push(RegistryClient& client, const ContentStore& content, const PushRequest& request)
      : content_(content),
        request_(request),
        timing_(client.config().timing),
        sources_(other_repositories(request)),
        repository_(client.repository(request.reference.domain, request.reference.path,
                                      request.credentials, Access::push)) {}

  PushedImage run() {
    const std::string text = content_.read(request_.image.manifest, max_manifest_bytes);
    const Manifest manifest = parse_manifest(text);
    for (const Descriptor& layer : manifest.layers) tell({.layer = layer.digest});
    for (const Descriptor& layer : manifest.layers) push_blob(layer, true);
    push_blob(manifest.config, false);
    const std::string type =
        manifest.media_type.empty() ? std::string(media_type::oci_manifest) : manifest.media_type;
    with_retries(timing_, request_.stop, [&] {
      repository_->put_manifest(request_.reference.tag, text, type, request_.stop);
    });
    return {request_.image.manifest, text.size()};
  }

 private:
  void tell(PushProgress progress) {
    if (request_.progress) request_.progress(progress);
  }

  void push_blob(const Descriptor& blob, bool is_layer) {
    PushProgress progress{.layer = blob.digest, .total = blob.size};
    const auto say = [&](PushPhase phase, uint64_t current) {
      progress.phase = phase;
      progress.current = current;
      if (is_layer) tell(progress);
    };
    const bool is_there = with_retries(
        timing_, request_.stop, [&] { return repository_->has_blob(blob.digest, request_.stop); });
    if (is_there) return say(PushPhase::already_exists, 0);
    if (is_layer && mount(blob, progress)) return say(PushPhase::mounted, 0);
    with_retries(timing_, request_.stop, [&] {
      sys::UniqueFd file = content_.open(blob.digest);
      repository_->upload_blob(
          blob.digest, {.file = file.get(), .size = blob.size},
          [&](uint64_t sent) { say(PushPhase::pushing, sent); }, request_.stop);
    });
    say(PushPhase::pushed, blob.size);
  }

  bool mount(const Descriptor& blob, PushProgress& progress) {
    for (const std::string& source : sources_) {
      if (!repository_->mount_blob(blob.digest, source, request_.stop)) continue;
      progress.mounted_from = Reference{request_.reference.domain, source, {}, {}}.familiar_name();
      return true;
    }
    return false;
  }

  const ContentStore& content_;
  const PushRequest& request_;
  const RegistryTiming& timing_;
  const std::vector<std::string> sources_;
  std::shared_ptr<Repository> repository_;
};

}  // namespace

PushedImage push_image(RegistryClient& client, const ContentStore& content,
                       const PushRequest& request) {
  return Push(client, content, request).run();
}

}  // namespace ctr::image
