// The use cases of images: pull, list, tag, remove, prune. Over the image store, the puller and the
// images installed with the engine; publishes what happened. Owned by ctrd's main. Thread-safe.
#pragma once

#include <functional>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "daemon/api/filters.h"
#include "daemon/embedded_images.h"
#include "daemon/events.h"
#include "image/content_store.h"
#include "image/image_store.h"
#include "image/layer_store.h"
#include "image/puller.h"

namespace ctr::daemon {

struct PullOptions {
  image::Reference reference;
  std::optional<image::Platform> platform{};
  image::Credentials credentials{};
  std::stop_token stop{};
};

// What `GET /images/json` chooses from; pure once it is filled.
struct ImageFacts {
  image::Image image;
  std::map<std::string, std::string> labels;
  std::vector<std::string> containers;  // made from it
  uint64_t shared_size = 0;             // of layers that other images have as well
};

class Images {
 public:
  struct Services {
    image::ContentStore& content;
    image::LayerStore& layers;
    image::ImageStore& store;
    image::Puller& puller;
    image::RegistryClient& registry;
    Events& events;
    std::string embedded_directory{};
  };
  explicit Images(Services services);

  // Who uses images: known once the containers are. Until then nobody does.
  void set_users(std::function<image::ImageUsers()> users) { users_ = std::move(users); }

  // Writes Docker's progress messages to `write`; a registry that cannot be reached is replaced by
  // the image installed with us, if there is one of that name, and a message says so. Throws what
  // Puller::pull throws; before the first message the answer can still be an HTTP status.
  void pull(const PullOptions& options, const std::function<void(const std::string&)>& write);

  // Writes Docker's progress messages. Without a tag in the reference, all tags of the repository.
  // Throws Error{not_found} before the first message; a failure after that is a message.
  void push(const PullOptions& options, const std::function<void(const std::string&)>& write);

  // Those that the filters choose (reference, dangling, label, before, since, until), newest first.
  // Throws Error{invalid_argument} for other filters, Error{not_found} for `before` and `since`.
  std::vector<ImageFacts> list(const Filters& filters) const;
  image::Image get(const std::string& reference) const { return services_.store.get(reference); }
  size_t count() const { return services_.store.list().size(); }
  // Sum of all unpacked layers, each once.
  uint64_t layers_size() const;

  void tag(const std::string& reference, const std::string& repository, const std::string& tag);
  std::vector<image::ImageRemoval> remove(const std::string& reference, bool force, bool prune);
  struct Pruned {
    std::vector<image::ImageRemoval> removals;
    uint64_t bytes = 0;
  };
  // dangling=false: all that no container uses; otherwise those without a name. Also label, until.
  Pruned prune(const Filters& filters);

  // Writes the images as one archive. A repository without a tag stands for all its tags. Throws
  // Error{not_found} before the first byte.
  void save(const std::vector<std::string>& references,
            const std::function<bool(std::string_view)>& sink);
  // Takes all images of the archive, which is read to its end into `scratch` first; writes Docker's
  // messages.
  void load(const std::function<std::string_view()>& source, const std::string& scratch,
            const std::optional<image::Platform>& platform,
            const std::function<void(const std::string&)>& write);
  // Records an image that was made here; its parts are kept by `lease`. Publishes `action`.
  image::Image add(const image::NewImage& made, const std::string& tag, const std::string& action);
  image::Lease open_lease() { return services_.store.open_lease(); }

  void check_credentials(const std::string& server, const image::Credentials& credentials) const;
  image::NamedManifest resolve(const image::Reference& reference,
                               const image::Credentials& credentials, std::stop_token stop) const;
  image::ContentStore& content() const { return services_.content; }
  image::LayerStore& layers() const { return services_.layers; }
  const image::RegistryClient& registry() const { return services_.registry; }

 private:
  struct Pulled {
    image::NewImage image;
    image::Digest digest;  // what the name points to
  };
  using Write = std::function<void(const std::string&)>;
  Pulled pull_from_registry(const PullOptions& options, image::Lease& lease, const Write& write);
  Pulled load_embedded(const PullOptions& options, const std::string& layout,
                       const sys::Error& reason, image::Lease& lease, const Write& write);
  image::ImageUsers users() const { return users_ ? users_() : image::ImageUsers{}; }
  void publish(const std::string& action, const std::string& id, const std::string& name,
               const std::optional<image::Image>& image = std::nullopt);
  void publish(const std::vector<image::ImageRemoval>& removals);

  Services services_;
  EmbeddedImages embedded_;
  std::mutex embedded_mutex_;  // one load at a time: the content store has one writer a blob
  std::function<image::ImageUsers()> users_;
};

// Whether an image is one that the filters choose, but for `before` and `since`. Pure.
bool image_matches(const Filters& filters, const ImageFacts& facts);
// "alpine", "alpine:3*", "*/app": against an image's familiar names. Pure.
bool reference_matches(const std::string& pattern, const image::Image& image);

// The labels in an image's configuration.
std::map<std::string, std::string> image_labels(const image::Image& image);

}  // namespace ctr::daemon
