#include "image/manifest_fetch.h"

#include "image/registry_error.h"
#include "image/registry_retry.h"

namespace ctr::image {

namespace {
constexpr int tries = 2;  // a document that arrives corrupt is asked for again
}

RemoteManifest get_manifest_by_digest(Repository& repository, const Digest& digest,
                                      std::stop_token stop) {
  for (int attempt = 1;; ++attempt) {
    RemoteManifest manifest = repository.get_manifest(digest.text(), stop);
    const Digest actual = Sha256::of(manifest.text);
    if (actual == digest) return manifest;
    if (attempt == tries)
      throw sys::Error(sys::ErrorKind::invalid_argument,
                       fmt::format("manifest {} does not match its digest: the registry sent {}",
                                   digest.text(), actual.text()));
  }
}

std::optional<Digest> find_named_digest(Repository& repository, const Reference& reference,
                                        std::stop_token stop) {
  try {
    return repository.find_digest(reference.tag_or_digest(), stop);
  } catch (const RegistryError& failure) {
    if (!is_transient(failure)) throw;
    return std::nullopt;
  }
}

NamedManifest get_named_manifest(Repository& repository, const Reference& reference,
                                 std::stop_token stop) {
  if (!reference.digest.empty()) {
    RemoteManifest manifest = get_manifest_by_digest(repository, reference.digest, stop);
    return {reference.digest, std::move(manifest.text), std::move(manifest.media_type)};
  }
  RemoteManifest manifest = repository.get_manifest(reference.tag, stop);
  Digest digest = Sha256::of(manifest.text);
  return {std::move(digest), std::move(manifest.text), std::move(manifest.media_type)};
}

}  // namespace ctr::image
