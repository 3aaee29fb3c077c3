// Requests to one endpoint of a registry as one user: authentication by challenge, redirects by
// strict rules. Credentials leave this file towards the endpoint itself and a token server that
// passes may_receive_credentials(), and nowhere else. Runs in: ctrd. Thread-safe.
#pragma once

#include <chrono>
#include <mutex>
#include <stop_token>
#include <string>
#include <vector>

#include "image/http_client.h"
#include "image/registry_auth.h"
#include "image/registry_config.h"
#include "image/registry_endpoint.h"

namespace ctr::image {

struct RegistryRequest {
  std::string method{"GET"};
  std::string path;                  // "/v2/library/alpine/manifests/latest"
  std::string location{};            // instead: where an answer's Location said, absolute or not
  std::vector<std::string> headers;  // "Accept: …"
  size_t body_limit = 64 << 10;
  std::string body{};  // of a PUT, where it is no file
  UploadFile upload{};
  std::function<void(uint64_t)> sent{};
};

class RegistrySession {
 public:
  // `scope` is what tokens are asked for: "repository:library/alpine:pull". Not what the registry's
  // challenge says: it could ask us for a token that may push. Keeps a reference to `http`,
  // `config`.
  RegistrySession(HttpClient& http, const RegistryConfig& config, Endpoint endpoint,
                  std::string scope, Credentials credentials);

  const Endpoint& endpoint() const { return endpoint_; }

  // The answer as it is at the end of redirects and authentication, whatever its status: 401 means
  // that no (other) credentials help. Throws TransferError, RegistryError, Cancelled.
  HttpResponse send(const RegistryRequest& request, std::stop_token stop,
                    const BodySink& sink = {});

 private:
  struct Answer {
    HttpResponse response;
    bool left_origin = false;  // it is another host's, behind a redirect
  };

  Answer follow(HttpRequest request, std::stop_token stop, const BodySink& sink);
  void redirect(HttpRequest& request, const Url& target) const;
  HttpRequest request_to(const Url& url) const;
  std::string find_authority_file(const Url& url) const;

  std::string current_authorization();
  bool authenticate(const HttpResponse& refusal, const std::string& used, std::stop_token stop);
  bool use_bearer(const Challenge& challenge, std::stop_token stop);
  HttpRequest token_request(const Challenge& challenge) const;
  Token fetch_token(const Challenge& challenge, std::stop_token stop);

  HttpClient& http_;
  const RegistryConfig& config_;
  const Endpoint endpoint_;
  const std::string scope_;
  const Credentials credentials_;

  std::mutex mutex_;  // also held while a token is fetched: the others need the same one
  std::string authorization_;
  std::chrono::steady_clock::time_point expires_ = std::chrono::steady_clock::time_point::max();
};

}  // namespace ctr::image
