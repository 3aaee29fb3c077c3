#include "image/registry_session.h"

#include "runtime/sys/file.h"

namespace ctr::image {

namespace {

constexpr int max_redirects = 10;
constexpr int max_authentications = 2;  // an expired token, then a fresh one: no loop (N09)
constexpr std::chrono::seconds token_margin{10};

bool is_redirect(long status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

// A mirror may live below a path: "https://host/mirror" has "/mirror". Two slashes in a row would
// be a redirect more for each request.
std::string path_prefix(const Url& base) {
  const size_t host = base.text.find("://");
  const size_t path = base.text.find('/', host == std::string::npos ? 0 : host + 3);
  std::string prefix = path == std::string::npos ? "" : base.text.substr(path);
  while (prefix.ends_with('/')) prefix.pop_back();
  return prefix;
}

[[noreturn]] void refuse(const std::string& message) {
  throw TransferError(TransferFailure::refused, message);
}

}  // namespace

RegistrySession::RegistrySession(HttpClient& http, const RegistryConfig& config, Endpoint endpoint,
                                 std::string scope, Credentials credentials)
    : http_(http),
      config_(config),
      endpoint_(std::move(endpoint)),
      scope_(std::move(scope)),
      credentials_(std::move(credentials)) {
  if (!credentials_.registry_token.empty())
    authorization_ = "Bearer " + credentials_.registry_token;
}

HttpResponse RegistrySession::send(const RegistryRequest& request, std::stop_token stop,
                                   const BodySink& sink) {
  for (int round = 0;; ++round) {
    const std::string used = current_authorization();
    const Url url = resolve_url(endpoint_.base, request.location.empty()
                                                    ? path_prefix(endpoint_.base) + request.path
                                                    : request.location);
    if (endpoint_.base.scheme == "https" && url.scheme != "https")
      refuse(fmt::format("'{}' wants an upload without TLS: refused", endpoint_.base.text));
    HttpRequest http = request_to(url);
    http.method = request.method;
    http.headers = request.headers;
    http.body_limit = request.body_limit;
    // An upload may go to another host, which has its own permission in its address.
    if (url.same_origin(endpoint_.base)) http.authorization = used;
    http.form = request.body;
    http.upload = request.upload;
    http.sent = request.sent;
    Answer answer = follow(std::move(http), stop, sink);
    // A 401 of a host that we were sent to is not the registry asking who we are (N04).
    if (answer.response.status != 401 || answer.left_origin) return std::move(answer.response);
    if (round == max_authentications || !authenticate(answer.response, used, stop))
      return std::move(answer.response);
  }
}

HttpRequest RegistrySession::request_to(const Url& url) const {
  HttpRequest request;
  request.url = url;
  request.verify_tls = url.same_origin(endpoint_.base)
                           ? endpoint_.verify_tls
                           : !is_insecure_host(url.host, url.port, config_);
  request.ca_file = find_authority_file(url);
  // Through a proxy the address is the proxy's, and says nothing.
  const std::string& proxy = url.scheme == "https" ? config_.proxy.https : config_.proxy.http;
  request.public_addresses_only =
      proxy.empty() && url.host != endpoint_.base.host && !is_loopback_host(endpoint_.base.host);
  return request;
}

std::string RegistrySession::find_authority_file(const Url& url) const {
  for (const std::string& directory : config_.certificate_directories)
    for (const std::string& host : {fmt::format("{}:{}", url.host, url.port), url.host})
      if (std::string file = directory + "/" + host + "/ca.crt"; sys::exists(file)) return file;
  return {};
}

RegistrySession::Answer RegistrySession::follow(HttpRequest request, std::stop_token stop,
                                                const BodySink& sink) {
  Answer answer;
  for (int hops = 0;; ++hops) {
    answer.response = http_.perform(request, stop, sink);
    const std::optional<std::string> location = answer.response.find_header("location");
    const bool reads = request.method == "GET" || request.method == "HEAD";
    if (!is_redirect(answer.response.status) || !location || !reads) return answer;
    if (hops == max_redirects)
      refuse(fmt::format("'{}' sent more than {} redirects", endpoint_.base.text, max_redirects));
    const Url target = resolve_url(request.url, *location);
    answer.left_origin = answer.left_origin || !target.same_origin(request.url);
    redirect(request, target);
  }
}

void RegistrySession::redirect(HttpRequest& request, const Url& target) const {
  if (request.url.scheme == "https" && target.scheme != "https")
    refuse(fmt::format("redirect from '{}' to '{}' without TLS refused", request.url.safe_text(),
                       target.safe_text()));
  const bool same = target.same_origin(request.url);
  HttpRequest next = request_to(target);
  next.method = request.method;
  next.headers = request.headers;
  next.body_limit = request.body_limit;
  // Once gone it stays gone, even where the next redirect leads back (N05).
  if (same) next.authorization = request.authorization;
  request = std::move(next);
}

std::string RegistrySession::current_authorization() {
  std::lock_guard lock(mutex_);
  if (std::chrono::steady_clock::now() >= expires_) authorization_.clear();
  return authorization_;
}

bool RegistrySession::authenticate(const HttpResponse& refusal, const std::string& used,
                                   std::stop_token stop) {
  std::lock_guard lock(mutex_);
  // Another request of ours has got a new token meanwhile.
  if (!authorization_.empty() && authorization_ != used) return true;
  std::vector<Challenge> challenges;
  for (const auto& [name, value] : refusal.headers) {
    if (name != "www-authenticate") continue;
    for (Challenge& challenge : parse_challenges(value)) challenges.push_back(std::move(challenge));
  }
  for (const Challenge& challenge : challenges)
    if (challenge.scheme == "bearer") return use_bearer(challenge, stop);
  for (const Challenge& challenge : challenges) {
    if (challenge.scheme != "basic" || credentials_.username.empty()) continue;
    authorization_ = basic_authorization(credentials_);
    expires_ = std::chrono::steady_clock::time_point::max();
    return authorization_ != used;
  }
  return false;
}

bool RegistrySession::use_bearer(const Challenge& challenge, std::stop_token stop) {
  // A token that the user brought cannot be renewed.
  if (!credentials_.registry_token.empty()) return false;
  authorization_.clear();
  const Token token = fetch_token(challenge, stop);
  authorization_ = "Bearer " + token.text;
  expires_ = std::chrono::steady_clock::now() + token.lifetime;
  if (token.lifetime > 2 * token_margin) expires_ -= token_margin;
  return true;
}

HttpRequest RegistrySession::token_request(const Challenge& challenge) const {
  const Url realm = parse_url(token_url(challenge, scope_, credentials_.username));
  if (endpoint_.base.scheme == "https" && realm.scheme != "https")
    refuse(fmt::format("'{}' wants a token fetched from '{}' without TLS: refused",
                       endpoint_.base.text, realm.safe_text()));
  HttpRequest request = request_to(realm);
  request.body_limit = max_token_bytes;
  if (credentials_.empty()) return request;
  if (!may_receive_credentials(endpoint_.base, realm))
    refuse(fmt::format("'{}' wants your credentials sent to '{}', which is another domain: refused",
                       endpoint_.base.text, realm.host));
  if (credentials_.identity_token.empty()) {
    request.authorization = basic_authorization(credentials_);
    return request;
  }
  request.url = parse_url(realm.safe_text());
  request.method = "POST";
  request.form = refresh_form(challenge, scope_, credentials_);
  return request;
}

Token RegistrySession::fetch_token(const Challenge& challenge, std::stop_token stop) {
  const HttpRequest request = token_request(challenge);
  const HttpResponse response = follow(request, stop, {}).response;
  if (response.status == 200) return parse_token(response.body);
  const std::string words = registry_message(response.body);
  const std::string because = words.empty() ? "" : ": " + words;
  if (response.status == 401 || response.status == 403) {
    throw RegistryError(
        sys::ErrorKind::unauthorized,
        credentials_.empty()
            ? fmt::format("unauthorized: '{}' gives no token to an anonymous user{}",
                          request.url.host, because)
            : fmt::format("unauthorized: incorrect username or password{}", because),
        response.status);
  }
  throw RegistryError(sys::ErrorKind::unavailable,
                      fmt::format("the token server '{}' answered with status {}{}",
                                  request.url.host, response.status, because),
                      response.status,
                      parse_retry_after(response.find_header("retry-after").value_or("")));
}

}  // namespace ctr::image
