// The registry protocol's reading half (distribution-spec, "pull"): manifests and blobs of one
// repository, from its mirrors or itself. What it returns is not verified against a digest: that is
// the puller's. Runs in: ctrd. Thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "image/digest.h"
#include "image/http_client.h"
#include "image/registry_config.h"

namespace ctr::image {

struct RemoteManifest {
  std::string text;
  std::string media_type;  // as the registry declares it
};

// Where the bytes of a blob go.
struct BlobSink {
  // Before the first byte: where in the blob the bytes begin. The offset that was asked for, or 0
  // where the registry begins again.
  std::function<void(uint64_t offset)> begin;
  std::function<void(std::string_view)> piece;
};

class RegistryClient;
class RegistrySession;

// What a user wants to do in a repository: what tokens are asked for.
enum class Access { pull, push };

// One repository, as one user. Shared by all requests of a pull; keeps the tokens.
class Repository {
 public:
  ~Repository();
  Repository(const Repository&) = delete;
  Repository& operator=(const Repository&) = delete;

  // What a tag points to in the registry's own words (HEAD). std::nullopt where it does not say.
  // Retries where nobody answers; a status is for get_manifest() to report.
  std::optional<Digest> find_digest(const std::string& tag_or_digest, std::stop_token stop);
  // Retries. Throws Error{not_found} "manifest for alpine:nosuch not found: …" and the like.
  RemoteManifest get_manifest(const std::string& tag_or_digest, std::stop_token stop);
  // One try: who resumes knows what has come (blob_download.h).
  void get_blob(const Digest& digest, uint64_t size, uint64_t offset, const BlobSink& sink,
                std::stop_token stop);
  // "the mirror 'http://mirror:5000' failed before: no answer", where one did; else "". For an error of the
  // registry behind it, which alone would hide what went wrong first.
  std::string mirror_failure() const;

  // The writing half (repository_push.cc), of a repository that was opened to push. One try each.
  // Throw Error{unauthorized, forbidden} "denied: …".
  bool has_blob(const Digest& digest, std::stop_token stop);
  // From another repository of the same registry; false where that one has it not, or is not ours.
  bool mount_blob(const Digest& digest, const std::string& source, std::stop_token stop);
  // `sent` is told how many bytes have gone out.
  void upload_blob(const Digest& digest, const UploadFile& file,
                   const std::function<void(uint64_t)>& sent, std::stop_token stop);
  void put_manifest(const std::string& tag_or_digest, const std::string& text,
                    const std::string& media_type, std::stop_token stop);

 private:
  friend class RegistryClient;
  struct Site;

  Repository(RegistryClient& client, const std::string& domain, std::string path,
             Credentials credentials, Access access);

  template <class Work>
  auto at_first_that_works(
      Work work, const std::function<bool()>& may_repeat = [] { return true; });
  RemoteManifest get_manifest_from(RegistrySession& session, const std::string& tag_or_digest,
                                   std::stop_token stop);
  void get_blob_from(RegistrySession& session, const Digest& digest, uint64_t size, uint64_t offset,
                     const BlobSink& sink, std::stop_token stop);
  [[noreturn]] void refuse(const HttpResponse& response, const std::string& subject) const;
  [[noreturn]] void refuse_push(const HttpResponse& response, const std::string& subject) const;

  RegistryClient& client_;
  std::string path_;
  std::string name_;  // as users write it
  bool anonymous_ = true;
  std::vector<std::unique_ptr<Site>> sites_;
};

class RegistryClient {
 public:
  explicit RegistryClient(RegistryConfig config);

  const RegistryConfig& config() const { return config_; }
  // `domain` and `path` as in Reference. Must not outlive the client.
  std::shared_ptr<Repository> repository(const std::string& domain, const std::string& path,
                                         Credentials credentials, Access access = Access::pull);
  // `docker login`: throws Error{unauthorized} for a wrong password. `server` is a domain or, as
  // Docker's clients send it, a URL ("https://index.docker.io/v1/").
  void log_in(const std::string& server, const Credentials& credentials, std::stop_token stop);

 private:
  friend class Repository;
  RegistryConfig config_;
  HttpClient http_;
};

}  // namespace ctr::image
