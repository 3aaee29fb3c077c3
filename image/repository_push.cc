// Repository's writing half (distribution-spec, "push").
#include "image/repository_site.h"

namespace ctr::image {

namespace {

bool is_created(const HttpResponse& response) {
  return response.status == 201 || response.status == 204;
}

}  // namespace

bool Repository::has_blob(const Digest& digest, std::stop_token stop) {
  RegistryRequest request;
  request.method = "HEAD";
  request.path = "/v2/" + path_ + "/blobs/" + digest.text();
  const auto ask = [&](RegistrySession& session) {
    const HttpResponse response = session.send(request, stop);
    if (response.status == 200) return true;
    if (response.status == 404) return false;
    refuse_push(response, "content " + digest.text());
  };
  return at_first_that_works(ask);
}

bool Repository::mount_blob(const Digest& digest, const std::string& source, std::stop_token stop) {
  RegistryRequest request;
  request.method = "POST";
  request.path =
      "/v2/" + path_ + "/blobs/uploads/?mount=" + digest.text() + "&from=" + url_escape(source);
  const HttpResponse response =
      at_first_that_works([&](RegistrySession& session) { return session.send(request, stop); });
  if (response.status == 201) return true;
  // An upload was begun instead, or the other repository is not ours: the blob is sent. What was
  // begun is ended, so that the registry need not keep it.
  if (std::optional<std::string> location = response.find_header("location");
      response.status == 202 && location) {
    RegistryRequest end;
    end.method = "DELETE";
    end.location = *location;
    at_first_that_works([&](RegistrySession& session) { return session.send(end, stop); });
  }
  return false;
}

void Repository::upload_blob(const Digest& digest, const UploadFile& file,
                             const std::function<void(uint64_t)>& sent, std::stop_token stop) {
  const auto upload = [&](RegistrySession& session) {
    RegistryRequest begin;
    begin.method = "POST";
    begin.path = "/v2/" + path_ + "/blobs/uploads/";
    const HttpResponse begun = session.send(begin, stop);
    const std::string location = begun.find_header("location").value_or("");
    if (begun.status != 202 || location.empty()) refuse_push(begun, "an upload");
    RegistryRequest put;
    put.method = "PUT";
    put.location = location + (location.find('?') == std::string::npos ? "?" : "&") +
                   "digest=" + url_escape(digest.text());
    put.headers = {"Content-Type: application/octet-stream"};
    put.upload = file;
    put.sent = sent;
    const HttpResponse response = session.send(put, stop);
    if (!is_created(response)) refuse_push(response, "content " + digest.text());
  };
  at_first_that_works(upload);
}

void Repository::put_manifest(const std::string& tag_or_digest, const std::string& text,
                              const std::string& media_type, std::stop_token stop) {
  RegistryRequest request;
  request.method = "PUT";
  request.path = "/v2/" + path_ + "/manifests/" + tag_or_digest;
  request.headers = {"Content-Type: " + media_type};
  request.body = text;
  const auto put = [&](RegistrySession& session) {
    const HttpResponse response = session.send(request, stop);
    if (!is_created(response)) refuse_push(response, "the manifest of " + name_);
  };
  at_first_that_works(put);
}

void Repository::refuse_push(const HttpResponse& response, const std::string& subject) const {
  const std::string words = registry_message(response.body);
  if (response.status == 401 || response.status == 403)
    throw RegistryError(
        response.status == 401 && !anonymous_ ? sys::ErrorKind::unauthorized
                                              : sys::ErrorKind::forbidden,
        fmt::format("denied: requested access to the resource is denied: log in to the registry of "
                    "{} with an account that may push there{}{}",
                    name_, words.empty() ? "" : ": ", words),
        response.status);
  refuse(response, subject);
}

}  // namespace ctr::image
