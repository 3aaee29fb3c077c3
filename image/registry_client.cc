#include "image/registry_client.h"

#include "image/manifest.h"
#include "image/media_type.h"
#include "image/reference.h"
#include "image/registry_retry.h"
#include "image/repository_site.h"

namespace ctr::image {

namespace {

std::string accept_manifests() {
  return fmt::format("Accept: {}, {}, {}, {}", media_type::oci_index, media_type::oci_manifest,
                     media_type::docker_list, media_type::docker_manifest);
}

// Without parameters: "application/json; charset=utf-8".
std::string media_type_of(const HttpResponse& response) {
  std::string type = response.find_header("content-type").value_or("");
  type.resize(std::min(type.find(';'), type.size()));
  while (type.ends_with(' ')) type.pop_back();
  return type;
}

// Where the bytes of a 206 begin, from "bytes 100-199/200"; std::nullopt if that is not the range
// that was asked for, of the blob that was asked for.
bool is_range_from(const HttpResponse& head, uint64_t offset, uint64_t size) {
  const std::string range = head.find_header("content-range").value_or("");
  return range == fmt::format("bytes {}-{}/{}", offset, size - 1, size) ||
         range == fmt::format("bytes {}-{}/*", offset, size - 1);
}

// The registry sent another range than the one asked for: not an error, it is asked for the whole.
struct WrongRange {};

}  // namespace

std::string Repository::Site::last_failure() const {
  std::lock_guard lock(mutex);
  return failure_text;
}

bool Repository::Site::falls_back(const sys::Error& failure) {
  {
    std::lock_guard lock(mutex);
    failure_text = failure.what();
  }
  const auto* transfer = dynamic_cast<const TransferError*>(&failure);
  const auto* refusal = dynamic_cast<const RegistryError*>(&failure);
  if (session.endpoint().fall_back == FallBack::on_any_failure) {
    // A connection that broke may go on; anything else would only cost its time again.
    if (transfer && transfer->failure() != TransferFailure::interrupted) given_up = true;
    return transfer || refusal;
  }
  if (session.endpoint().fall_back == FallBack::never || !transfer) return false;
  // Once known to speak no TLS it is not asked again; one that is only down may come back.
  if (transfer->failure() == TransferFailure::handshake) given_up = true;
  return transfer->failure() == TransferFailure::handshake ||
         transfer->failure() == TransferFailure::unreachable;
}

Repository::Repository(RegistryClient& client, const std::string& domain, std::string path,
                       Credentials credentials, Access access)
    : client_(client), path_(std::move(path)), anonymous_(credentials.empty()) {
  name_ = Reference{domain, path_, {}, {}}.familiar_name();
  const std::string scope =
      "repository:" + path_ + (access == Access::push ? ":pull,push" : ":pull");
  for (Endpoint& endpoint : plan_endpoints(domain, client.config_)) {
    // A mirror is for reading.
    if (endpoint.is_mirror && access == Access::push) continue;
    Credentials theirs = endpoint.is_mirror ? Credentials{} : credentials;
    sites_.push_back(std::make_unique<Site>(client.http_, client.config_, std::move(endpoint),
                                            scope, std::move(theirs)));
  }
}

Repository::~Repository() = default;

void Repository::refuse(const HttpResponse& response, const std::string& subject) const {
  using sys::ErrorKind;
  const long status = response.status;
  const std::string words = registry_message(response.body);
  const std::string because = words.empty() ? "" : ": " + words;
  const auto error = [&](ErrorKind kind, const std::string& message) {
    return RegistryError(kind, message + because, status,
                         parse_retry_after(response.find_header("retry-after").value_or("")));
  };
  if (status == 401 || status == 403) {
    throw error(status == 401 && !anonymous_ ? ErrorKind::unauthorized : ErrorKind::not_found,
                fmt::format("pull access denied for {}, repository does not exist or may require "
                            "'docker login'",
                            name_));
  }
  if (status == 404 && words.starts_with("name unknown"))
    throw error(ErrorKind::not_found, fmt::format("repository {} not found", name_));
  if (status == 404) throw error(ErrorKind::not_found, subject + " not found");
  if (status == 429)
    throw error(ErrorKind::unavailable,
                fmt::format("toomanyrequests: the registry limits how often {} may be pulled: log "
                            "in, or try again later",
                            name_));
  if (status >= 500)
    throw error(
        ErrorKind::unavailable,
        fmt::format("the registry failed with status {} for {}: try again later", status, subject));
  throw error(ErrorKind::internal,
              fmt::format("the registry answered with status {} for {}", status, subject));
}

std::string Repository::mirror_failure() const {
  for (const std::unique_ptr<Site>& site : sites_) {
    const std::string failure = site->last_failure();
    if (site->session.endpoint().is_mirror && !failure.empty())
      return fmt::format("the mirror '{}' failed before: {}", site->session.endpoint().base.safe_text(), failure);
  }
  return "";
}

std::optional<Digest> Repository::find_digest(const std::string& tag_or_digest,
                                              std::stop_token stop) {
  RegistryRequest request;
  request.method = "HEAD";
  request.path = "/v2/" + path_ + "/manifests/" + tag_or_digest;
  request.headers = {accept_manifests()};
  const auto ask = [&](RegistrySession& session) -> std::optional<Digest> {
    const HttpResponse response = session.send(request, stop);
    if (response.status != 200 && session.endpoint().is_mirror) refuse(response, "manifest");
    const std::string digest = response.find_header("docker-content-digest").value_or("");
    if (response.status != 200 || !Digest::is_valid(digest)) return std::nullopt;
    return Digest::parse(digest);
  };
  return with_retries(client_.config_.timing, stop, [&] { return at_first_that_works(ask); });
}

RemoteManifest Repository::get_manifest(const std::string& tag_or_digest, std::stop_token stop) {
  return with_retries(client_.config_.timing, stop, [&] {
    return at_first_that_works(
        [&](RegistrySession& session) { return get_manifest_from(session, tag_or_digest, stop); });
  });
}

RemoteManifest Repository::get_manifest_from(RegistrySession& session,
                                             const std::string& tag_or_digest,
                                             std::stop_token stop) {
  RegistryRequest request;
  request.path = "/v2/" + path_ + "/manifests/" + tag_or_digest;
  request.headers = {accept_manifests()};
  request.body_limit = max_manifest_bytes;
  HttpResponse response = session.send(request, stop);
  if (response.status == 200) return {std::move(response.body), media_type_of(response)};
  const bool by_digest = tag_or_digest.find(':') != std::string::npos;
  refuse(response, fmt::format("manifest for {}{}{}", name_, by_digest ? "@" : ":", tag_or_digest));
}

void Repository::get_blob(const Digest& digest, uint64_t size, uint64_t offset,
                          const BlobSink& sink, std::stop_token stop) {
  bool begun = false;
  BlobSink watched = sink;
  watched.begin = [&](uint64_t position) {
    begun = true;
    sink.begin(position);
  };
  const auto get = [&](RegistrySession& session) {
    try {
      get_blob_from(session, digest, size, offset, watched, stop);
    } catch (const WrongRange&) {
      get_blob_from(session, digest, size, 0, watched, stop);
    }
  };
  // What has come from a mirror that broke is not asked for again: the next try begins behind it.
  at_first_that_works(get, [&] { return !begun; });
}

void Repository::get_blob_from(RegistrySession& session, const Digest& digest, uint64_t size,
                               uint64_t offset, const BlobSink& sink, std::stop_token stop) {
  RegistryRequest request;
  request.path = "/v2/" + path_ + "/blobs/" + digest.text();
  if (offset > 0) request.headers = {fmt::format("Range: bytes={}-", offset)};
  uint64_t position = 0;
  bool begun = false;
  const auto piece = [&](const HttpResponse& head, std::string_view data) {
    if (!begun) {
      if (head.status == 206 && !is_range_from(head, offset, size)) throw WrongRange();
      position = head.status == 206 ? offset : 0;
      sink.begin(position);
      begun = true;
    }
    // Known before it is all here: the rest would only fill the disk.
    position += data.size();
    if (position > size)
      throw TransferError(
          TransferFailure::too_large,
          fmt::format("the registry sent more than the {} bytes of {}", size, digest.text()));
    sink.piece(data);
  };
  const HttpResponse response = session.send(request, stop, piece);
  if (response.status == 416 && offset > 0) throw WrongRange();
  if (response.status != 200 && response.status != 206)
    refuse(response, "content " + digest.text() + " of " + name_);
  if (!begun || position < size)
    throw TransferError(
        TransferFailure::interrupted,
        fmt::format("the registry sent {} of the {} bytes of {}", position, size, digest.text()));
}

RegistryClient::RegistryClient(RegistryConfig config)
    : config_(std::move(config)), http_(config_) {}

std::shared_ptr<Repository> RegistryClient::repository(const std::string& domain,
                                                       const std::string& path,
                                                       Credentials credentials, Access access) {
  return std::shared_ptr<Repository>(
      new Repository(*this, domain, path, std::move(credentials), access));
}

void RegistryClient::log_in(const std::string& server, const Credentials& credentials,
                            std::stop_token stop) {
  const std::string domain = registry_domain(server);
  std::vector<Endpoint> endpoints = plan_endpoints(domain, config_);
  std::erase_if(endpoints, [](const Endpoint& endpoint) { return endpoint.is_mirror; });
  const auto ask = [&](const Endpoint& endpoint) {
    RegistrySession session(http_, config_, endpoint, "", credentials);
    RegistryRequest request;
    request.path = "/v2/";
    const HttpResponse response = session.send(request, stop);
    if (response.status == 200) return;
    const bool denied = response.status == 401 || response.status == 403;
    throw RegistryError(denied ? sys::ErrorKind::unauthorized : sys::ErrorKind::unavailable,
                        denied ? std::string("unauthorized: incorrect username or password")
                               : fmt::format("'{}' answered with status {}: is it a registry?",
                                             domain, response.status),
                        response.status);
  };
  for (const Endpoint& endpoint : endpoints) {
    try {
      return ask(endpoint);
    } catch (const TransferError& failure) {
      if (endpoint.fall_back == FallBack::never ||
          (failure.failure() != TransferFailure::handshake &&
           failure.failure() != TransferFailure::unreachable))
        throw;
    }
  }
}

}  // namespace ctr::image
